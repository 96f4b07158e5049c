"""MiniHAC trees: layout, determinism, media, interruption, clip plans."""

import csv
import json

import av
import numpy as np
import pytest
import soundfile

from mmgmp.datasets.synthetic import MiniHACSpec, generator
from mmgmp.datasets.synthetic.generator import (
    cue_of,
    generate_mini_hac,
    is_complete,
    plan_clip,
    render_clip,
)
from mmgmp.datasets.synthetic.spec import CLASSES, DOMAINS, SPLITS

TINY = MiniHACSpec(
    train_clips=1, test_clips=2, size=32, min_seconds=0.5, max_seconds=0.8
)


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    return generate_mini_hac(
        tmp_path_factory.mktemp('data') / 'a', TINY, workers=1
    )


def read_rows(root, split, domain):
    path = root / 'HAC_Splits' / f'HAC_{split}_only_{domain}.csv'
    with open(path, newline='') as file:
        return list(csv.reader(file))


def decode(path):
    with av.open(str(path)) as container:
        return [f.to_ndarray(format='rgb24') for f in container.decode(0)]


def test_layout_and_csv(tree):
    listed = set()
    for domain in DOMAINS:
        for split in SPLITS:
            rows = read_rows(tree, split, domain)
            # No header: classes in order, one or two rows of each.
            repeats = TINY.num_clips(split)
            labels = [int(label) for _, label in rows]
            assert labels == [k for k in range(7) for _ in range(repeats)]
            for name, label in rows:
                assert name.endswith('.mp4')
                assert name.startswith(CLASSES[int(label)])
                listed.add(f'{domain}/videos/{name}')
                listed.add(f'{domain}/audio/{name[:-4]}.wav')
    found = {
        str(path.relative_to(tree)) for path in tree.glob('*/*/*')
    }
    assert found == listed
    assert len(listed) == 3 * 7 * 3 * 2


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


def test_media_properties(tree):
    for domain in DOMAINS:
        for video in (tree / domain / 'videos').iterdir():
            with av.open(str(video)) as container:
                assert [s.type for s in container.streams] == ['video']
                stream = container.streams.video[0]
                assert stream.codec_context.name == 'h264'
                assert stream.codec_context.pix_fmt == 'yuv420p'
                assert stream.average_rate == 24
                assert (stream.height, stream.width) == (32, 32)
                frames = sum(1 for _ in container.decode(stream))
            assert 0.5 <= frames / 24 <= 0.8 + 0.5 / 24
            audio = soundfile.info(
                str(tree / domain / 'audio' / f'{video.stem}.wav')
            )
            assert (audio.samplerate, audio.channels) == (16000, 1)
            assert (audio.format, audio.subtype) == ('WAV', 'PCM_16')
            assert audio.frames == round(frames / 24 * 16000)


def test_default_clips_last_two_to_three_seconds():
    spec = MiniHACSpec()
    lengths = [
        plan_clip(spec, 'human', 'test', label, index).num_frames
        for label in range(7)
        for index in range(24)
    ]
    assert 48 <= min(lengths) < 52
    assert 68 < max(lengths) <= 72


def test_files_do_not_depend_on_workers(tree, tmp_path):
    other = generate_mini_hac(tmp_path / 'b', TINY, workers=2)
    files = sorted(p.relative_to(tree) for p in tree.rglob('*.*'))
    assert files == sorted(p.relative_to(other) for p in other.rglob('*.*'))
    for file in files:
        if file.suffix == '.mp4':
            pairs = zip(decode(tree / file), decode(other / file), strict=True)
            assert all(np.array_equal(a, b) for a, b in pairs)
        else:
            assert (tree / file).read_bytes() == (other / file).read_bytes()


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


def test_interrupted_generation_leaves_nothing(tmp_path, monkeypatch):
    real = generator.write_video
    calls = []

    def fail_late(*args):
        calls.append(args)
        if len(calls) == 5:
            raise KeyboardInterrupt
        real(*args)

    monkeypatch.setattr(generator, 'write_video', fail_late)
    with pytest.raises(KeyboardInterrupt):
        generate_mini_hac(tmp_path / 'a', TINY, workers=1)
    assert list(tmp_path.iterdir()) == []


def test_killed_generation_is_not_taken_for_a_tree(tmp_path, monkeypatch):
    # A killed process cleans nothing up.
    monkeypatch.setattr(generator.shutil, 'rmtree', lambda *a, **k: None)

    def die(*args):
        raise SystemExit

    monkeypatch.setattr(generator, 'write_video', die)
    with pytest.raises(SystemExit):
        generate_mini_hac(tmp_path / 'a', TINY, workers=1)
    assert len(list(tmp_path.iterdir())) == 1
    assert not (tmp_path / 'a').exists()
    assert not is_complete(tmp_path / 'a', TINY)


def test_second_process_accepts_the_tree_of_the_first(
    tree, tmp_path, monkeypatch
):
    root = tmp_path / 'a'

    def other_process_is_faster(partial, *args):
        (partial / 'mine').touch()
        tree.rename(root)

    monkeypatch.setattr(generator, '_write_tree', other_process_is_faster)
    try:
        assert generate_mini_hac(root, TINY) == root
        assert not (root / 'mine').exists()
        assert [p.name for p in tmp_path.iterdir()] == ['a']
    finally:
        root.rename(tree)


def test_existing_tree_is_kept(tree, monkeypatch):
    monkeypatch.setattr(generator, '_write_tree', None)
    assert generate_mini_hac(tree, TINY) == tree


def test_tree_of_another_spec_is_refused(tree):
    with pytest.raises(ValueError, match=r"'seed': \(0, 3\)"):
        generate_mini_hac(
            tree,
            MiniHACSpec(
                seed=3,
                train_clips=1,
                test_clips=2,
                size=32,
                min_seconds=0.5,
                max_seconds=0.8,
            ),
        )


def test_other_version_is_refused(tree, tmp_path):
    root = tmp_path / 'a'
    root.mkdir()
    content = json.loads((tree / 'mini_hac.json').read_text())
    content['fingerprint'] = 'older'
    (root / 'mini_hac.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match='generator version'):
        generate_mini_hac(root, TINY)


def test_foreign_folder_is_refused(tmp_path):
    (tmp_path / 'thesis.txt').touch()
    with pytest.raises(FileExistsError, match='no MiniHAC tree'):
        generate_mini_hac(tmp_path, TINY)
    assert [p.name for p in tmp_path.iterdir()] == ['thesis.txt']


def test_workers_must_be_positive(tmp_path):
    with pytest.raises(ValueError, match='workers must be at least 1, got 0'):
        generate_mini_hac(tmp_path / 'a', TINY, workers=0)


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
    # A uniform draw agrees in one of seven cases.
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


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(video_cue=1.5), 'video_cue must be between 0 and 1, got 1.5'),
        (dict(train_clips=0), 'train_clips must be a positive integer'),
        (dict(size=97), 'size must be even'),
        (dict(seed=-1), 'seed must be a non-negative integer, got -1'),
        (dict(min_seconds=4), 'got 4 and 3.0'),
    ],
)
def test_bad_specs_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        MiniHACSpec(**kwargs)
