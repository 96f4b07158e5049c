# Copyright (c) mmgmp authors.
"""Arguments of `DomainDataset` are checked, and corrupt media replaced."""

import random

import numpy as np
import pytest
import torch
from mmengine.runner import set_random_seed
from torch.utils.data import DataLoader

from mmgmp.datasets import CorruptMediaError, HACDataset
from mmgmp.utils.replacements import is_replacement
from tests.utils.media import tone, write_wav

LOAD = [
    dict(type='OpenVideo'),
    dict(type='SampleFrames', clip_len=4, test_mode=True),
    dict(type='DecodeFrames'),
    dict(type='LoadAudio'),
]
STOCK = [
    dict(type='PyAVInit'),
    dict(type='SampleFrames', clip_len=4, test_mode=True),
    dict(type='PyAVDecode'),
]


@pytest.mark.parametrize(
    ('changes', 'error', 'words'),
    [
        (dict(domains=['human', 'dog']), ValueError, "'dog'"),
        (dict(domains=[]), ValueError, '`domains` must be one or more'),
        (dict(domains=['human', 'human']), ValueError, 'each once'),
        (dict(domains='human'), TypeError, r"write \['human'\]"),
        (dict(source_domains='human'), TypeError, 'source_domains'),
        (dict(source_domains=['dog']), ValueError, "source_domains.*'dog'"),
        (dict(split='val'), ValueError, "split.*'val'"),
        (dict(on_corrupt='ignore'), ValueError, "on_corrupt.*'ignore'"),
    ],
)
def test_wrong_argument(clean, changes, error, words):
    arguments = dict(data_root=str(clean), domains=['human'], split='train')
    with pytest.raises(error, match=words):
        HACDataset(**{**arguments, **changes})


def test_target_among_the_sources(clean):
    with pytest.raises(ValueError, match='target must not be among'):
        HACDataset(
            str(clean), ['human'], 'all', source_domains=['human', 'cartoon']
        )
    with pytest.raises(ValueError, match='not in `source_domains`'):
        HACDataset(str(clean), ['human'], 'train', source_domains=['cartoon'])


# --- corrupt media ----------------------------------------------------------


def damage(root, kind):
    """Damage the video or the audio of `e`; return the path."""
    video, audio = root / 'cartoon/videos/e.mp4', root / 'cartoon/audio/e.wav'
    if kind == 'missing video':
        video.unlink()
        return video
    if kind == 'missing audio':  # and the video has no track
        audio.unlink()
        return video
    path = video if 'video' in kind else audio
    if kind.startswith('truncated'):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif kind.startswith('empty'):
        path.write_bytes(b'')
    else:
        write_wav(path, np.zeros(16000))
    return path


KINDS = [
    'missing video',
    'truncated video',
    'empty video',
    'missing audio',
    'truncated audio',
    'empty audio',
    'silent audio',
]


@pytest.mark.parametrize('kind', KINDS)
def test_corrupt_file_is_named(root, kind):
    dataset = HACDataset(str(root), ['cartoon'], 'train', pipeline=LOAD)
    path = damage(root, kind)
    with pytest.raises(CorruptMediaError, match=path.name) as error:
        dataset[1]
    assert str(path) in str(error.value)


@pytest.mark.parametrize('kind', ['missing video', 'truncated video'])
@pytest.mark.parametrize('on_corrupt', ['raise', 'skip'])
def test_error_of_a_stock_decoder_gets_the_name(root, kind, on_corrupt):
    dataset = HACDataset(
        str(root), ['cartoon'], 'train', pipeline=STOCK, on_corrupt=on_corrupt
    )
    path = damage(root, kind)
    if on_corrupt == 'skip':
        assert dataset[1]['filename'] != str(path)
        assert dataset.num_corrupt == 1
    else:
        with pytest.raises(CorruptMediaError, match=path.name):
            dataset[1]


@pytest.mark.parametrize('kind', KINDS)
def test_corrupt_sample_is_replaced_within_its_domain(root, kind):
    damage(root, kind)
    dataset = HACDataset(
        str(root),
        ['human', 'cartoon'],
        'train',
        pipeline=LOAD,
        on_corrupt='skip',
    )
    assert dataset.num_corrupt == 0
    epochs = []
    for _ in range(4):
        results = [dataset[i] for i in range(5)]
        assert [r['domain'] for r in results] == [0, 0, 1, 1, 1]
        assert len(results[3]['imgs']) == 4
        assert dataset.num_corrupt == 1
        epochs.append([r['filename'].rpartition('/')[2] for r in results])
    expected = ['a.mp4', 'b b .mp4', 'd.mp4', epochs[0][3], 'f.mp4']
    assert expected[3] in ('d.mp4', 'f.mp4')
    assert epochs == [expected] * 4  # the same replacement each time


@pytest.mark.parametrize('test_mode', [True, False])
def test_only_a_training_replacement_has_a_label(root, test_mode):
    damage(root, 'empty video')
    form = dict(type='FormatShape', input_format='NCTHW')
    pack = dict(type='PackActionInputs', meta_keys=('filename',))
    dataset = HACDataset(
        str(root),
        ['cartoon'],
        'train',
        pipeline=[*LOAD[:3], form, pack],
        on_corrupt='skip',
        test_mode=test_mode,
    )
    samples = [dataset[i]['data_samples'] for i in range(3)]
    assert [*map(is_replacement, samples)] == [False, True, False]
    labelled = ['gt_label' in sample for sample in samples]
    assert labelled == [True, not test_mode, True]
    assert dataset.num_corrupt == 1


def draw(results):
    results['drawn'] = random.random(), np.random.rand(), torch.rand(2)
    return results


def test_replacement_draws_the_same_numbers_every_time(root):
    damage(root, 'truncated video')
    dataset = HACDataset(
        str(root),
        ['cartoon'],
        'train',
        pipeline=[draw, *LOAD, draw],
        on_corrupt='skip',
    )
    drawn = []
    for _ in range(2):
        set_random_seed(1)
        drawn.append(dataset[1]['drawn'])
    assert drawn[0][:2] == drawn[1][:2]
    assert torch.equal(drawn[0][2], drawn[1][2])


def test_replacement_is_logged_once(root, monkeypatch):
    messages = []
    monkeypatch.setattr(
        'mmgmp.datasets.base.print_log',
        lambda message, **_: messages.append(message),
    )
    path = damage(root, 'silent audio')
    dataset = HACDataset(
        str(root), ['cartoon'], 'train', pipeline=LOAD, on_corrupt='skip'
    )
    for _ in range(3):
        dataset[1]
    assert len(messages) == 1
    assert str(path) in messages[0]
    assert '1 of 3 samples' in messages[0]


def test_nothing_left_to_replace_with(root):
    for name in 'def':
        (root / f'cartoon/videos/{name}.mp4').write_bytes(b'')
    dataset = HACDataset(
        str(root),
        ['human', 'cartoon'],
        'train',
        pipeline=LOAD,
        on_corrupt='skip',
    )
    with pytest.raises(CorruptMediaError, match=r"every sample.*'cartoon'"):
        dataset[3]
    assert dataset.num_corrupt == 3
    assert dataset[0]['domain_name'] == 'human'


def fail(results):
    raise KeyError('imgs')


@pytest.mark.parametrize('on_corrupt', ['raise', 'skip'])
def test_a_mistake_in_the_pipeline_is_not_taken_for_a_corrupt_file(
    clean, on_corrupt
):
    dataset = HACDataset(
        str(clean), ['human'], 'test', pipeline=[fail], on_corrupt=on_corrupt
    )
    with pytest.raises(RuntimeError, match=r"c\.mp4: KeyError\('imgs'\)"):
        dataset[0]
    assert dataset.num_corrupt == 0


def loader(dataset, **kwargs):
    return DataLoader(
        dataset,
        num_workers=2,
        collate_fn=lambda batch: [r['filename'] for r in batch],
        **kwargs,
    )


@pytest.mark.parametrize('persistent_workers', [True, False])
def test_count_is_right_with_workers(root, persistent_workers):
    damage(root, 'truncated video')
    (root / 'cartoon/videos/d.mp4').unlink()
    dataset = HACDataset(
        str(root),
        ['human', 'cartoon'],
        'train',
        pipeline=LOAD,
        on_corrupt='skip',
    )
    load = loader(dataset, persistent_workers=persistent_workers)
    epochs = [[name for batch in load for name in batch] for _ in range(2)]
    assert dataset.num_corrupt == 2
    assert epochs[0] == epochs[1]
    assert {name[-5:] for name in epochs[0][2:]} == {'f.mp4'}


def test_name_survives_the_way_out_of_a_worker(root):
    dataset = HACDataset(str(root), ['cartoon'], 'train', pipeline=LOAD)
    path = damage(root, 'truncated audio')
    iterator = iter(loader(dataset))
    with pytest.raises(CorruptMediaError, match=path.name):
        list(iterator)
    # The error refers to the iterator, whose deletion by the garbage collector
    # would wait 5 s for each worker.
    iterator._shutdown_workers()


def test_subsets_count_by_themselves(root):
    damage(root, 'empty video')
    dataset = HACDataset(
        str(root), ['cartoon'], 'train', pipeline=LOAD, on_corrupt='skip'
    )
    dataset[1]
    subset = dataset.get_subset([1, 2])
    assert subset.num_corrupt == 0
    list(loader(subset))
    assert (subset.num_corrupt, dataset.num_corrupt) == (1, 1)
    first = HACDataset(
        str(root), ['cartoon'], 'train', pipeline=LOAD, indices=1
    )
    assert len(first) == 1
    write_wav(root / 'cartoon/audio/d.wav', tone(1.2))
    assert first[0]['audios'].size
