"""Rendered sounds: patterns carry the class, styles the domain."""

import numpy as np
import pytest
from scipy import signal

from mmgmp.datasets.synthetic.audio import (
    AUDIO_STYLES,
    hum_frequency,
    render_audio,
    sound_source,
)
from mmgmp.datasets.synthetic.spec import DOMAINS

RATE, SAMPLES = 16000, 32000


def source(label, domain='human', seed=0):
    rng = np.random.default_rng([seed, label])
    return sound_source(label, SAMPLES, RATE, AUDIO_STYLES[domain], rng)


def play(label, domain='human', cue=0, hum=0.25, level=1.0, seed=0):
    return render_audio(
        source(label, domain, seed),
        AUDIO_STYLES[domain],
        cue,
        hum,
        level,
        RATE,
        np.random.default_rng(seed),
    )


@pytest.mark.parametrize('label', range(7))
def test_source_has_unit_level(label):
    wave = source(label)
    assert wave.shape == (SAMPLES,)
    assert np.sqrt(np.mean(wave**2)) == pytest.approx(1)


@pytest.mark.parametrize('domain', DOMAINS)
def test_waveform_is_bounded_and_loud(domain):
    for label in range(7):
        wave = play(label, domain)
        assert 0.4 <= np.abs(wave).max() <= 0.9


def envelope(wave):
    power = wave[: SAMPLES // 400 * 400].reshape(-1, 400)
    level = np.sqrt((power**2).mean(1))
    return level / level.mean()


def features(wave):
    """Modulation spectrum and contour of the dominant frequency."""
    level = envelope(wave)
    modulation = np.abs(np.fft.rfft(level - level.mean()))[1:26]
    freq, _, power = signal.spectrogram(wave, RATE, nperseg=512)
    power = power[freq < 2900]
    center = (power * freq[freq < 2900, None]).sum(0) / power.sum(0)
    extra = [level.std(), np.log(center.mean()), np.log(center).std()]
    bands = modulation.reshape(5, 5).max(1) / len(level)
    return np.concatenate([np.log(bands + 1e-2), 2 * np.array(extra)])


def test_class_can_be_told_from_the_pattern_within_a_domain():
    # Nearest class mean on a handful of hand-made features.
    for domain in DOMAINS:
        values = np.array(
            [
                [features(play(k, domain, s, seed=s)) for s in range(7)]
                for k in range(7)
            ]
        )
        means = values[:, :5].mean(1)
        distance = ((values[:, 5:, None] - means) ** 2).sum(-1)
        right = distance.argmin(-1) == np.arange(7)[:, None]
        assert right.mean() >= 0.75, domain


def test_a_low_level_buries_the_sound():
    # Steps are loud beats over a quiet floor; noise alone is level.
    clear, buried = (
        envelope(play(5, 'animal', hum=0, level=v)).std() for v in (1, 0.05)
    )
    assert clear > 0.3
    assert buried < 0.5 * clear


@pytest.mark.parametrize('cue', [0, 6])
def test_hum_is_at_its_pitch(cue):
    spectra = [
        np.abs(np.fft.rfft(play(1, 'human', cue, hum=h))) for h in (0, 0.25)
    ]
    freq = np.fft.rfftfreq(SAMPLES, 1 / RATE)
    peak = freq[np.argmax(spectra[1] - spectra[0])]
    assert peak == pytest.approx(hum_frequency(cue), abs=1)


def test_hums_stay_below_half_the_rate_and_apart():
    pitches = np.array([hum_frequency(k) for k in range(7)])
    assert pitches.max() < RATE / 2
    assert np.diff(pitches).min() >= 300


def test_register_belongs_to_the_domain():
    # The strongest partial of a low source follows the register.
    centers = []
    for domain in ('animal', 'cartoon'):
        wave = source(0, domain)
        freq, power = signal.welch(wave, RATE, nperseg=8192)
        centers.append(freq[np.argmax(power)])
    assert centers[1] > 1.5 * centers[0]
