"""MiniHACDataset is generated once and then read like HAC."""

import os
from datetime import timedelta

import pytest
import torch.distributed as dist
import torch.multiprocessing as mp
from mmaction.registry import DATASETS

from mmgmp.datasets import MiniHACDataset, mini_hac
from mmgmp.datasets.synthetic.spec import CLASSES

TINY = dict(
    train_clips=1, test_clips=2, size=32, min_seconds=0.5, max_seconds=0.6
)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return tmp_path_factory.mktemp('data') / 'mini_hac'


def build(root, domains=('human', 'animal'), split='train', **kwargs):
    return MiniHACDataset(
        str(root), domains, split, spec=TINY, workers=1, **kwargs
    )


def test_generates_itself_once(root):
    first = build(root)
    assert len(first) == 2 * 7
    stamps = {p: p.stat().st_mtime_ns for p in root.rglob('*')}
    again = build(root)
    assert {p: p.stat().st_mtime_ns for p in root.rglob('*')} == stamps
    assert [again[i] for i in range(14)] == [first[i] for i in range(14)]


def test_items_have_media_labels_and_domains(root):
    data = build(root, ['cartoon'], 'all', source_domains=['human', 'animal'])
    # Test rows come first: two of each class, then one of each.
    items = [data[i] for i in range(len(data))]
    labels = [k for k in range(7) for _ in range(2)] + list(range(7))
    assert [item['label'] for item in items] == labels
    assert {item['domain'] for item in items} == {-1}
    for item in items:
        assert os.path.isfile(item['filename'])
        assert os.path.isfile(item['audio_path'])


def test_is_registered(root):
    data = DATASETS.build(
        dict(
            type='MiniHACDataset',
            data_root=str(root),
            domains=['animal'],
            split='test',
            spec=TINY,
            workers=1,
        )
    )
    assert len(data) == 14
    assert data.metainfo['classes'] == CLASSES


def test_unknown_knob_is_refused(tmp_path):
    with pytest.raises(TypeError, match='color'):
        MiniHACDataset(
            str(tmp_path / 'a'), ['human'], 'train', spec=dict(color=1)
        )


def _build_in_process(rank, world, root, fails):
    dist.init_process_group(
        'gloo',
        init_method=f'file://{root}.store',
        rank=rank,
        world_size=world,
        timeout=timedelta(seconds=30),
    )
    generated = []
    if fails:

        def generate(*args):
            raise RuntimeError('disk full')
    else:

        def generate(*args):
            generated.append(rank)
            return real(*args)

    real = mini_hac.generate_mini_hac
    mini_hac.generate_mini_hac = generate
    error = None
    try:
        assert len(build(root)) == 14
    except (RuntimeError, FileNotFoundError) as e:
        error = type(e).__name__
    dist.destroy_process_group()
    with open(f'{root}.{rank}', 'w') as file:
        file.write(f'{generated} {error}')


@pytest.mark.parametrize(
    'fails, expected',
    [
        (False, ['[0] None', '[] None']),
        # The other process must neither wait forever nor continue.
        (True, ['[] RuntimeError', '[] FileNotFoundError']),
    ],
)
def test_only_the_main_process_generates(tmp_path, fails, expected):
    root = tmp_path / 'a'
    mp.start_processes(
        _build_in_process,
        (2, str(root), fails),
        nprocs=2,
        start_method='fork',
    )
    results = [(tmp_path / f'a.{rank}').read_text() for rank in (0, 1)]
    assert results == expected
