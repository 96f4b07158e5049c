# Copyright (c) mmgmp authors.
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import torch
from mmaction.registry import INFERENCERS, MODELS
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.infer import BaseInferencer
from mmengine.registry import init_default_scope
from rich.progress import track
from torch import nn

from mmgmp.datasets import CorruptMediaError
from mmgmp.utils import register_all_modules

from .classes import choose_classes
from .media_file_pipeline import MediaFilePipeline
from .predictions import (
    captions,
    check_drawn_paths,
    draw_on_video,
    drawn_path,
    to_dict,
)
from .weights import load_weights

MODALITIES = {'video', 'audio'}
OnCorrupt = Callable[[str, Exception], None]


@INFERENCERS.register_module()
class AudioVideoInferencer(BaseInferencer):
    """Predict the action in video files with an audio track.

    The test pipeline comes from the config, and the class names from the
    checkpoint. If it has none, such as a file with the weights alone, they
    come from the config. The dataset itself is not needed. For a file without
    sound, the inferencer logs a warning and uses the video alone: the audio
    features of ``fused`` are zeros, and there are no ``audio`` scores. See
    :class:`MediaFilePipeline` and :func:`load_weights`.

    Args:
        model: Config, or its path, of a :class:`MultimodalRecognizer` with
            video and audio.
        weights: Checkpoint.
        device: Device, such as ``'cpu'`` or ``'cuda:0'``. The default is the
            best available one.
        show_progress: Whether to show a progress bar.

    Raises:
        FileNotFoundError: The config or the checkpoint is missing.
        ValueError: The config has other modalities, neither the checkpoint
            nor the config has class names, or the checkpoint is damaged or
            belongs to another model.

    Example::

        inferencer = AudioVideoInferencer('config.py', 'best.pth')
        inferencer('clip.mp4')['predictions'][0]['classes'][0]['name']
    """

    def __init__(
        self,
        model: str | Path | Config,
        weights: str | Path,
        device: str | None = None,
        show_progress: bool = True,
    ) -> None:
        if not isinstance(model, Config):
            if not Path(model).is_file():
                raise FileNotFoundError(f'config {model} does not exist')
            model = Config.fromfile(model)
        if device is not None:
            check_device(device)
        register_all_modules(init_default_scope=False)
        init_default_scope('mmaction')
        check_modalities(model)
        super().__init__(
            model, str(weights), device, 'mmaction', show_progress
        )

    def __call__(
        self,
        inputs: str | Path | Sequence[str | Path],
        return_datasamples: bool = False,
        batch_size: int = 1,
        topk: int = 5,
        out_dir: str | None = None,
        on_corrupt: OnCorrupt | None = None,
    ) -> dict:
        """Predict files.

        Args:
            inputs: One or several media files.
            return_datasamples: Whether ``predictions`` are data samples.
            batch_size: Files in a batch. Files with and without sound are
                not mixed.
            topk: Number of classes in each prediction.
            out_dir: Folder for copies of the videos with the top classes drawn
                on them.
            on_corrupt: Called with the name and the error of each file that
                cannot be read, predicted or drawn on, which is then skipped.
                By default, the error is raised.

        Returns:
            ``predictions`` (see :func:`to_dict`) and ``visualization`` (the
            drawn files), in the order of the files.

        Raises:
            ValueError: An argument is out of range, or the drawn files would
                overwrite each other or the inputs.
            CorruptMediaError: A file is corrupt.
            RuntimeError: The pipeline failed on an intact file.
        """
        for name, value in (('batch_size', batch_size), ('topk', topk)):
            if value < 1:
                raise ValueError(f'`{name}` must be positive, got {value}')
        paths = self._inputs_to_list(inputs)
        if out_dir is not None:
            check_drawn_paths(paths, out_dir)
        batches: Iterable[dict] = self.preprocess(
            paths, batch_size, on_corrupt
        )
        if self.show_progress:
            batches = track(batches, description='Inference')
        samples = [
            sample
            for batch in batches
            for sample in self.forward(batch)
            if _has_scores(sample, on_corrupt)
        ]
        drawn = self.visualize(paths, samples, out_dir, on_corrupt)
        return self.postprocess(samples, drawn, return_datasamples, topk)

    def preprocess(
        self,
        inputs: Sequence[str],
        batch_size: int = 1,
        on_corrupt: OnCorrupt | None = None,
    ) -> Iterator[dict]:
        """Yield batches of files that have the same modalities."""
        files = self._read(inputs, on_corrupt)
        for _, group in groupby(files, key=lambda item: set(item['inputs'])):
            chunks = self._get_chunk_data(group, batch_size)
            yield from map(self.collate_fn, chunks)

    def visualize(
        self,
        inputs: Sequence[str],
        preds: Sequence[ActionDataSample],
        out_dir: str | None = None,
        on_corrupt: OnCorrupt | None = None,
    ) -> list[str]:
        """Draw the top classes on copies of the videos.

        Args:
            inputs: Not used; the predictions name their files.
            preds: Predictions.
            out_dir: Folder of the copies. None draws nothing.
            on_corrupt: See :meth:`__call__`.

        Returns:
            The files that were written.
        """
        drawn: list[str] = []
        if out_dir is None:
            return drawn
        Path(out_dir).mkdir(parents=True, exist_ok=True)
        for sample in preds:
            path = drawn_path(sample.filename, out_dir)
            try:
                if str(path) not in drawn:  # a file may be given twice
                    lines = captions(sample, self.classes)
                    draw_on_video(sample.filename, path, lines)
            except Exception as error:
                if not isinstance(error, CorruptMediaError):
                    text = f'{path} was not written: {error}'
                    error = RuntimeError(text).with_traceback(
                        error.__traceback__
                    )
                _handle(sample.filename, error, on_corrupt)
            else:
                drawn.append(str(path))
        return drawn

    def postprocess(
        self,
        preds: Sequence[ActionDataSample],
        visualization: list[str],
        return_datasamples: bool = False,
        topk: int = 5,
    ) -> dict:
        """Convert the predictions to plain types, see :meth:`__call__`."""
        if not return_datasamples:
            preds = [to_dict(sample, self.classes, topk) for sample in preds]
        return dict(predictions=list(preds), visualization=visualization)

    def _inputs_to_list(
        self, inputs: str | Path | Sequence[str | Path]
    ) -> list[str]:
        if isinstance(inputs, (str, Path)):
            inputs = [inputs]
        return [str(path) for path in inputs]

    def _init_model(self, cfg: Config, weights: str, device: str) -> nn.Module:
        model = MODELS.build(dict(cfg.model, objectives=None))
        trained = load_weights(model, weights)
        self.classes = choose_classes(trained, cfg)
        if model.cls_head.num_classes != len(self.classes):
            where = 'checkpoint' if trained else 'test dataset'
            raise ValueError(
                f'`cls_head` has {model.cls_head.num_classes} classes, but '
                f'the {where} has {len(self.classes)}: {self.classes}'
            )
        model.cfg = cfg
        return model.to(device).eval()

    def _init_pipeline(self, cfg: Config) -> MediaFilePipeline:
        return MediaFilePipeline(cfg.test_dataloader.dataset.pipeline)

    def _init_visualizer(self, cfg: Config) -> None:
        """Return None: PyAV draws the text, because it can keep the sound."""

    def _read(
        self, paths: Sequence[str], on_corrupt: OnCorrupt | None
    ) -> Iterator[dict]:
        for path in paths:
            try:
                yield self.pipeline(path)
            except (CorruptMediaError, RuntimeError) as error:
                _handle(path, error, on_corrupt)


def _handle(path: str, error: Exception, on_corrupt: OnCorrupt | None) -> None:
    if on_corrupt is None:
        raise error
    on_corrupt(path, error)


def _has_scores(
    sample: ActionDataSample, on_corrupt: OnCorrupt | None
) -> bool:
    """Check that the scores of a file are finite."""
    for branch, scores in sample.pred_score.items():
        if not torch.isfinite(scores).all():
            text = f'the {branch} scores of {sample.filename} are not finite'
            _handle(sample.filename, RuntimeError(text), on_corrupt)
            return False
    return True


def check_device(device: str) -> None:
    """Check that a device can hold tensors.

    Raises:
        ValueError: There is no such device.
    """
    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError) as error:
        reason = str(error).partition('\n')[0]
        raise ValueError(
            f'`device` {device!r} cannot be used: {reason}'
        ) from error


def check_modalities(cfg: Config) -> None:
    """Check that a config has a model with video and audio.

    Raises:
        ValueError: The model has other modalities.
    """
    encoders = cfg.get('model', {}).get('backbone', {}).get('encoders', {})
    if set(encoders) != MODALITIES:
        raise ValueError(
            '`model.backbone.encoders` must be exactly those of video and '
            f'audio to predict media files, got {sorted(encoders)}'
        )
