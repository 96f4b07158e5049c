"""Clip plans: determinism, lengths, names, cues and weak clips."""

import numpy as np
import pytest

from mmgmp.datasets.synthetic import MiniHACSpec
from mmgmp.datasets.synthetic.clip import cue_of, plan_clip, render_clip
from mmgmp.datasets.synthetic.spec import DOMAINS, SPLITS


def test_one_file_name_has_a_space():
    spec = MiniHACSpec()
    names = [
        plan_clip(spec, domain, split, label, index).stem
        for domain in DOMAINS
        for split in SPLITS
        for label in range(7)
        for index in range(spec.num_clips(split))
    ]
    assert [n for n in names if ' ' in n] == ['drinking_train_05 ']
    # Unique within each domain.
    assert all(len(set(names[i : i + 280])) == 280 for i in (0, 280, 560))


def test_default_clips_last_two_to_three_seconds():
    spec = MiniHACSpec()
    lengths = [
        plan_clip(spec, 'human', 'test', label, index).num_frames
        for label in range(7)
        for index in range(24)
    ]
    assert 48 <= min(lengths) < 52
    assert 68 < max(lengths) <= 72


def test_seed_changes_every_clip():
    kwargs = dict(size=32, min_seconds=0.5, max_seconds=0.5)
    waves, frames = [], []
    for seed in (0, 1):
        spec = MiniHACSpec(seed=seed, **kwargs)
        for index in (0, 1):
            clip = plan_clip(spec, 'human', 'train', 3, index)
            video, wave = render_clip(spec, clip)
            frames.append(video)
            waves.append(wave)
    for i in range(4):
        for j in range(i):
            assert not np.array_equal(frames[i], frames[j])
            assert not np.allclose(waves[i], waves[j])


def test_a_clip_does_not_depend_on_the_number_of_clips():
    few = MiniHACSpec(train_clips=4)
    args = ('cartoon', 'train', 2, 3)
    assert plan_clip(few, *args) == plan_clip(MiniHACSpec(), *args)


def test_cues_change_meaning_across_domains():
    table = np.array([[cue_of(d, k) for k in range(7)] for d in DOMAINS])
    assert all(sorted(row) == list(range(7)) for row in table)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert (table[first] != table[second]).all()


@pytest.mark.parametrize('probability', [0.0, 0.4, 1.0])
def test_cue_agreement_has_the_given_probability(probability):
    spec = MiniHACSpec(video_cue=probability, audio_cue=probability)
    agree = np.array(
        [
            (clip.video_cue == cue, clip.audio_cue == cue)
            for domain in DOMAINS
            for label in range(7)
            for cue in [cue_of(domain, label)]
            for index in range(60)
            for clip in [plan_clip(spec, domain, 'test', label, index)]
        ]
    )
    # A uniformly random cue agrees in one of seven cases.
    expected = probability + (1 - probability) / 7
    assert agree.mean(0) == pytest.approx([expected] * 2, abs=0.05)


@pytest.mark.parametrize('probability', [0.0, 0.2, 1.0])
def test_weak_clips_have_the_given_probability(probability):
    spec = MiniHACSpec(video_weak=probability, audio_weak=probability)
    clips = [
        plan_clip(spec, 'animal', 'test', label, index)
        for label in range(7)
        for index in range(150)
    ]
    for weak in ('video_weak', 'audio_weak'):
        rate = np.mean([getattr(clip, weak) for clip in clips])
        assert rate == pytest.approx(probability, abs=0.05)
