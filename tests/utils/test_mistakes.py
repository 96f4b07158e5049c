# Copyright (c) mmgmp authors.
import pytest
from mmaction.registry import DATASETS, MODELS, OPTIMIZERS
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn, ones

from mmgmp.datasets.media.container import CorruptMediaError
from mmgmp.models import ConcatFusion
from mmgmp.utils import one_line_errors
from mmgmp.utils.mistakes import describe, is_mistake, suggest
from mmgmp.utils.numbers import check_number


@MODELS.register_module()
class MistakesToy(nn.Module):
    """Has a bug, or passes wrong arguments on, if it is told to."""

    def __init__(self, width=1, fault=None, **kwargs):
        super().__init__(**kwargs)
        if fault == 'bug':
            None + width
        if fault == 'index':
            {}['absent']
        if fault == 'check':
            raise TypeError('`width` must be a number')


def caught(function, *args):
    with pytest.raises(Exception) as raised:
        function(*args)
    return raised.value


def build(**kwargs):
    return caught(MODELS.build, dict(type='MistakesToy', **kwargs))


def test_wrong_arguments_of_a_config():
    error = build(widht=2)
    assert is_mistake(error)
    assert describe(error) == (
        'MistakesToy.__init__() got an unexpected keyword argument '
        "'widht'; did you mean 'width'?"
    )
    assert is_mistake(build(fault='check'))
    missing = caught(DATASETS.build, dict(type='HACDataset'))
    assert is_mistake(missing) and 'missing 3 required' in describe(missing)


@pytest.mark.parametrize(
    ('registry', 'cfg', 'words'),
    [
        (
            OPTIMIZERS,
            dict(type='Adam', params=[nn.Parameter(ones(1))], betas=0.9),
            "Adam: TypeError: 'float' object is not subscriptable",
        ),
        (
            MODELS,
            dict(type='ResNet3d', depth=18, norm_cfg=dict(type='GN')),
            'ResNet3d: AssertionError:',
        ),
    ],
)
def test_value_that_a_constructor_of_a_library_fails_on(
    registry, cfg, words, capsys
):
    error = caught(registry.build, cfg)
    assert is_mistake(error)
    with pytest.raises(SystemExit), one_line_errors():
        raise error
    assert f'cannot build {words}' in capsys.readouterr().err


def test_check_of_the_runner():
    cfg = dict(type='EpochBasedTrainLoop', by_epoch=False)
    error = caught(Runner.build_train_loop, None, cfg)
    assert is_mistake(error)
    assert describe(error).startswith('Only one of `type` or `by_epoch`')


def test_bugs_keep_their_traceback(capsys):
    for fault in ('bug', 'index'):
        error = build(fault=fault)
        assert not is_mistake(error)
        with pytest.raises(type(error)), one_line_errors():
            raise error
    assert not is_mistake(caught(check_number))  # a call within the code
    for bug in (RuntimeError('x'), AttributeError('x'), AssertionError()):
        with pytest.raises(type(bug)), one_line_errors():
            raise bug
    assert not capsys.readouterr().err


def test_unknown_type():
    cfg = dict(type='MultimodalHed')
    error = caught(MODELS.build, cfg)
    assert is_mistake(error)
    text = describe(error)
    assert "no type 'MultimodalHed' in the registry" in text
    assert "did you mean 'MultimodalHead'" in text
    assert 'http' not in text


def test_names_from_before_the_first_release():
    assert 'OpenVideo' in suggest('LoadVideo', [])
    cfg = dict(type='ConcatFusion', in_channels={}, eval_order=['a'])
    error = caught(MODELS.build, cfg)
    assert describe(error).endswith(': ReleasedConcatFusion has it')
    assert ConcatFusion.__name__ in describe(error)


@pytest.mark.parametrize(
    ('error', 'line'),
    [
        (ValueError('first\n  second'), 'first second'),
        (KeyError('no such key'), 'no such key'),
        (FileNotFoundError('a.pth does not exist'), 'a.pth does not exist'),
        (
            CorruptMediaError(
                'Caught CorruptMediaError in DataLoader worker process 0.\n'
                'Original Traceback (most recent call last):\n  File "x"\n'
                'mmgmp.datasets.media.container.CorruptMediaError: a.mp4: cut'
            ),
            'a.mp4: cut',
        ),
    ],
)
def test_one_line(error, line, monkeypatch, capsys):
    monkeypatch.setattr('sys.argv', ['tools/some_tool.py'])
    with pytest.raises(SystemExit) as stopped, one_line_errors():
        raise error
    assert stopped.value.code == 2
    assert capsys.readouterr().err == f'some_tool.py: error: {line}\n'


class ToyLoop(EpochBasedTrainLoop):
    """The real ``run_epoch`` on a loop without a runner."""

    def __init__(self, function):
        self.function = function

    @property
    def runner(self):
        return self.function()


def test_in_training_only_our_checks_count():
    def fail():
        raise ValueError('the loss of a user')

    assert is_mistake(caught(fail))
    assert not is_mistake(caught(ToyLoop(fail).run_epoch))
    ours = caught(ToyLoop(lambda: check_number('x', -1)).run_epoch)
    assert is_mistake(ours) and describe(ours).startswith('`x` must be')
