# Copyright (c) mmgmp authors.
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import signal

from .spec import CLASSES

TAU = 2 * np.pi


@dataclass(frozen=True)
class AudioStyle:
    """Acoustic style of a domain, unrelated to the class.

    Args:
        pitch: Factor on every frequency of the source.
        tone: Share of harmonic sound, 0 to 1; the rest is noise.
        brightness: Low-pass cut-off, fraction of half the rate.
        reverb: Reverberation time (decay by 60 dB) in seconds.
        wet: Share of reverberated sound, 0 to 1.
        noise: Background noise, relative to the RMS of the sound.
        color: Pole of the background noise: 0 is white noise, values near 1
            are a low rumble.
    """

    pitch: float
    tone: float
    brightness: float
    reverb: float
    wet: float
    noise: float
    color: float


AUDIO_STYLES = dict(
    human=AudioStyle(
        pitch=1.0,
        tone=0.4,
        brightness=0.6,
        reverb=0.4,
        wet=0.4,
        noise=0.4,
        color=0.8,
    ),
    animal=AudioStyle(
        pitch=0.7,
        tone=0.25,
        brightness=0.4,
        reverb=0.1,
        wet=0.1,
        noise=0.35,
        color=0.4,
    ),
    cartoon=AudioStyle(
        pitch=1.45,
        tone=0.7,
        brightness=0.85,
        reverb=0.05,
        wet=0.05,
        noise=0.15,
        color=0.0,
    ),
)


def _pulses(
    t: np.ndarray, onsets: np.ndarray, attack: float, decay: float
) -> np.ndarray:
    """Add up pulses: linear rise over attack, exponential decay."""
    env = np.zeros_like(t)
    for onset in onsets:
        age = t - onset
        rise = np.clip(age / attack, 0, 1)
        env += rise * np.exp(-np.maximum(age - attack, 0) / decay)
    return env


def _regular(
    t: np.ndarray, period: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw onsets of a slightly irregular beat that starts before time 0."""
    count = int(t[-1] / period) + 3
    beats = (np.arange(count) - 1 + rng.uniform()) * period
    return beats + rng.uniform(-0.05, 0.05, count) * period


# Each pattern returns an envelope and an instantaneous frequency in Hz.
def _breath(t, rng):
    wave = np.sin(TAU * 0.5 * t + rng.uniform(0, TAU))
    return np.clip(wave, 0, None) ** 0.7 + 0.02, np.full_like(t, 250.0)


def _chatter(t, rng):
    hold = (t / 0.12).astype(int)
    notes = rng.uniform(400, 1100, hold.max() + 1)[hold]
    return 0.6 + 0.4 * np.sin(TAU * 8 * t), notes


def _crunch(t, rng):
    count = rng.poisson(4 * t[-1]) + 4
    onsets = rng.uniform(-0.1, t[-1], count)
    return _pulses(t, onsets, 0.002, 0.03), np.full_like(t, 2400.0)


def _glug(t, rng):
    onsets = _regular(t, 0.35, rng)
    age = np.min(np.where(t >= onsets[:, None], t - onsets[:, None], 9.0), 0)
    return _pulses(t, onsets, 0.03, 0.08), 350 + 3500 * np.clip(age, 0, 0.3)


def _splash(t, rng):
    onsets = _regular(t, 0.8, rng)
    age = np.min(np.where(t >= onsets[:, None], t - onsets[:, None], 9.0), 0)
    return (
        _pulses(t, onsets, 0.01, 0.25),
        900 + 2500 * np.exp(-np.minimum(age, 2.0) / 0.2),
    )


def _steps(t, rng):
    return (
        _pulses(t, _regular(t, 0.2, rng), 0.005, 0.03),
        np.full_like(t, 180.0),
    )


def _creak(t, rng):
    up = rng.choice([-1, 1])
    saw = np.mod(t / 1.2 + rng.uniform(), 1)
    freq = 600 * 2.0 ** (up * 2.5 * (saw - 0.5) + 1)
    return 0.8 + 0.2 * np.sin(TAU * 25 * t), freq


PATTERNS: dict[str, Callable] = dict(
    zip(CLASSES, (_breath, _chatter, _crunch, _glug, _splash, _steps, _creak))
)


def sound_source(
    label: int,
    num_samples: int,
    rate: int,
    style: AudioStyle,
    rng: np.random.Generator,
) -> np.ndarray:
    """Make the sound pattern of a class: the class signal of the audio.

    The class determines the pattern (envelope and frequency contour), the
    domain determines the pitch and the share of harmonics.

    Args:
        label: Class index.
        num_samples: Number of samples.
        rate: Samples per second.
        style: Style of the domain, for pitch and share of harmonics.
        rng: Draws tempo, phases and detuning.

    Returns:
        Waveform of shape (num_samples,) with RMS 1.
    """
    t = np.arange(num_samples) / rate * rng.uniform(0.85, 1.2)
    envelope, freq = PATTERNS[CLASSES[label]](t, rng)
    freq = freq * style.pitch * rng.uniform(0.9, 1.1)
    phase = TAU * np.cumsum(freq) / rate
    tone = sum(
        np.sin(k * phase) / k * (k * freq < 0.45 * rate) for k in (1, 2, 3)
    )
    # Modulating the noise with the phase moves it to the same pitch.
    band = signal.lfilter([1], [1, -0.9], rng.standard_normal(num_samples))
    band = band * np.sin(phase)
    parts = [x / x.std() for x in (tone, band)]
    wave = envelope * (style.tone * parts[0] + (1 - style.tone) * parts[1])
    return wave / np.sqrt(np.mean(wave**2))


def hum_frequency(cue: int) -> float:
    """Pitch in Hz of hum number ``cue``; there is one pitch per class."""
    return 3000.0 + 500.0 * cue


def render_audio(
    source: np.ndarray,
    style: AudioStyle,
    cue: int,
    cue_strength: float,
    level: float,
    rate: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Render a source in the acoustic style of a domain.

    Args:
        source: Result of :func:`sound_source`.
        style: Style of the domain.
        cue: Number of the hum.
        cue_strength: RMS of the hum, relative to the sound.
        level: Factor on the sound before noise is added.
        rate: Samples per second.
        rng: Draws noise, room and gain.

    Returns:
        Waveform of shape (num_samples,) in [-1, 1], float64.
    """
    num = len(source)
    tail = np.arange(max(1, int(style.reverb * rate))) / rate
    room = rng.standard_normal(len(tail)) * 10 ** (-3 * tail / style.reverb)
    echo = signal.fftconvolve(source, room)[:num]
    echo = echo / np.sqrt(np.mean(echo**2))
    wave = (1 - style.wet) * source + style.wet * echo
    wave = signal.lfilter(*signal.butter(2, min(style.brightness, 0.98)), wave)
    noise = signal.lfilter([1], [1, -style.color], rng.standard_normal(num))
    noise = noise / noise.std()
    hum = np.sqrt(2) * np.sin(
        TAU * hum_frequency(cue) * np.arange(num) / rate + rng.uniform(0, TAU)
    )
    wave = level * wave + style.noise * noise + cue_strength * hum
    return rng.uniform(0.4, 0.9) * wave / np.abs(wave).max()
