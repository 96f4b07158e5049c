"""Generated data: layout, determinism, media, interruption, clip plans."""

import csv
import json
import shutil

import av
import numpy as np
import pytest
import soundfile

from mmgmp.datasets.synthetic import MiniHACSpec, generator
from mmgmp.datasets.synthetic.clip import plan_clip, render_clip
from mmgmp.datasets.synthetic.generator import generate_mini_hac, is_complete
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
    found = {str(path.relative_to(tree)) for path in tree.glob('*/*/*')}
    assert found == listed
    assert len(listed) == 3 * 7 * 3 * 2


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


def test_files_do_not_depend_on_workers(tree, tmp_path):
    other = generate_mini_hac(tmp_path / 'b', TINY, workers=2)
    files = sorted(p.relative_to(tree) for p in tree.rglob('*.*'))
    assert files == sorted(p.relative_to(other) for p in other.rglob('*.*'))
    # Equal bytes of the mp4 files mean equal pixels.
    for file in files:
        assert (tree / file).read_bytes() == (other / file).read_bytes(), file


def test_video_file_holds_the_rendered_frames(tree):
    clip = plan_clip(TINY, 'cartoon', 'test', 2, 1)
    frames, _ = render_clip(TINY, clip)
    with av.open(str(tree / 'cartoon/videos' / f'{clip.stem}.mp4')) as file:
        decoded = [f.to_ndarray(format='rgb24') for f in file.decode(video=0)]
    error = np.abs(np.stack(decoded).astype(int) - frames).mean()
    assert error < 6
    # The frames differ from those of the next clip in the same class.
    clip = plan_clip(TINY, 'cartoon', 'test', 2, 0)
    other, _ = render_clip(TINY, clip)
    num = min(len(other), len(frames))
    gap = np.abs(np.stack(decoded)[:num].astype(int) - other[:num]).mean()
    assert gap > 2 * error


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
    # A killed process does not clean up.
    monkeypatch.setattr(shutil, 'rmtree', lambda *a, **k: None)

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
    with pytest.raises(FileExistsError, match='not a MiniHAC data set'):
        generate_mini_hac(tmp_path, TINY)
    assert [p.name for p in tmp_path.iterdir()] == ['thesis.txt']


def test_workers_must_be_positive(tmp_path):
    with pytest.raises(ValueError, match='workers must be at least 1, got 0'):
        generate_mini_hac(tmp_path / 'a', TINY, workers=0)
