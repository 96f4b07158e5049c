# Copyright (c) mmgmp authors.
"""TensorBoard and W&B beside the local log."""

import pytest
from mmaction.registry import VISBACKENDS
from mmengine.config import Config
from mmengine.visualization import (
    BaseVisBackend,
    TensorboardVisBackend,
    Visualizer,
)

from mmgmp.apis import train_and_test
from mmgmp.apis.config_checks import check_config
from mmgmp.apis.tracking import kept_open
from tests.utils import counting_toy
from tests.utils.toy_run import toy_cfg


@VISBACKENDS.register_module()
class ToyTracker(BaseVisBackend):
    """Takes no results once it is closed, like W&B."""

    experiment = None
    latest = None

    def __init__(self, save_dir=None):
        self.log, self.closed = [], False
        ToyTracker.latest = self

    def _init_env(self):
        pass

    def add_config(self, *args, **kwargs):
        pass

    def add_scalars(self, scalar_dict, *args, **kwargs):
        assert not self.closed
        self.log.append(scalar_dict)

    def close(self):
        self.closed = True


def test_visualizer_is_closed_once_at_the_end():
    tracker = ToyTracker()
    visualizer = Visualizer(vis_backends=[tracker], save_dir='unused')
    with pytest.raises(KeyError), kept_open(visualizer):
        visualizer.close()
        visualizer.add_scalars(dict(loss=1))
        raise KeyError
    assert tracker.closed
    assert tracker.log == [dict(loss=1)]
    with kept_open(visualizer):
        pass
    assert tracker.closed


def test_results_after_training_are_tracked(tmp_path):
    cfg = Config(counting_toy.settings())
    cfg.work_dir = str(tmp_path / 'run')
    cfg.experiment_name = tmp_path.name
    cfg.visualizer = dict(
        type='Visualizer', vis_backends=[dict(type='ToyTracker')]
    )
    summary = train_and_test(cfg)
    tracker = ToyTracker.latest
    top1 = tracker.log[-1]['acc/all/fused/top1']
    assert top1 == summary['source_top1']['fused']
    assert tracker.closed


@pytest.mark.parametrize(
    'type_',
    [
        'TensorboardVisBackend',
        'mmengine.TensorboardVisBackend',
        TensorboardVisBackend,
    ],
)
def test_missing_package_is_found_before_training(
    type_, tmp_path, monkeypatch
):
    cfg = toy_cfg(tmp_path)
    backends = [dict(type='LocalVisBackend'), dict(type=type_)]
    cfg.visualizer = dict(type='Visualizer', vis_backends=backends)
    check = 'mmgmp.dependencies.find_spec'
    monkeypatch.setattr(check, lambda name: None)
    message = r"needs tensorboard; run: pip install 'mmgmp\[tracking\]'"
    with pytest.raises(ImportError, match=message):
        check_config(cfg, ('train', 'val'))
    monkeypatch.setattr(check, lambda name: name)
    check_config(cfg, ('train', 'val'))


def test_config_without_trackers(tmp_path):
    check_config(toy_cfg(tmp_path), ('train', 'val'))
    check_config(Config(dict(toy_cfg(tmp_path), visualizer=None)), ())
