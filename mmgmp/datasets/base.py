# Copyright (c) mmgmp authors.
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from logging import WARNING
from pathlib import Path

import numpy as np
import torch
from mmaction.datasets import BaseActionDataset
from mmengine.dataset import force_full_init
from mmengine.logging import print_log

from mmgmp.utils.replacements import mark_replacement
from mmgmp.utils.seeding import generator_states, set_generator_states

from .arguments import (
    ALIGNMENTS,
    MODALITIES,
    ON_CORRUPT,
    check_choice,
    check_classes,
    check_domain_names,
    check_indices,
    check_labels,
    check_names,
    check_protocol,
    check_sample_labels,
)
from .files import missing_files
from .media.container import CorruptMediaError
from .media.frames import frame_paths, read_frame
from .media.video import read_video
from .tables import read_names


class DomainDataset(BaseActionDataset):
    """Base class of datasets with several domains.

    A subclass defines ``DOMAINS``, ``SPLITS`` and the class names in
    ``METAINFO``, and reads the annotations in :meth:`load_data_list`. Before
    the pipeline, an item has ``filename``, ``audio_path``, ``label`` (int; if
    ``labelled``), ``domain_name``, ``alignment`` and ``domain``, the index of
    its domain in ``source_domains`` or -1 for a domain that is not a source.

    Media files are corrupt if they are missing, empty, truncated, undecodable
    or silent; errors name the file. With ``on_corrupt='skip'`` another sample
    of the domain takes the place of such a sample; which one depends only on
    the index. With ``test_mode`` the replacement has no label, so that it is
    never scored. The first replacement is logged, and :attr:`num_corrupt`
    counts the sample, also in worker processes (see
    :class:`~mmgmp.engine.CorruptSampleHook`).
    Other failures of the pipeline are always raised.

    Args:
        data_root: Folder of the data set.
        domains: Domains to read.
        split: Rows to read, one of ``SPLITS``.
        pipeline: Transforms.
        source_domains: Training domains, in the order of their indices.
            Defaults to ``domains``.
        modalities: Which of 'video', 'audio' and 'flow' to use. Only their
            files must exist.
        alignment: ``'true_fps'``: frame indices are exact, and the seconds of
            a clip follow from the frame rate of its file. ``'as_released'``:
            both follow the published code, see
            :mod:`mmgmp.released.alignment`. The transforms read this setting
            from the item.
        on_corrupt: ``'raise'`` or ``'skip'``.
        labelled: False for the target of unsupervised adaptation, in any
            split. The labels are then dropped when the annotations are loaded
            (file names stay as they are), and ``source_domains`` is required.
        keep_hidden_label: Whether unlabelled items have their label as
            ``hidden_label``, for analysis. Name it in ``algorithm_keys`` of
            ``PackActionInputs`` to have it in the data samples.
        **kwargs: Arguments of :class:`mmengine.dataset.BaseDataset`.

    Raises:
        TypeError: If a string is given instead of a list of names.
        ValueError: If a domain or a modality is unknown or repeated, or
            another argument has an invalid value. With ``source_domains``,
            also if labelled training rows are read from a domain that is not a
            source, or if split 'all' or unlabelled rows are read from a domain
            that is a source.
        CorruptMediaError: When a sample is read, if its media are corrupt.
    """

    DOMAINS: tuple[str, ...] = ()
    SPLITS: tuple[str, ...] = ()

    def __init__(
        self,
        data_root: str,
        domains: Sequence[str],
        split: str,
        pipeline: Sequence[dict | Callable] = (),
        source_domains: Sequence[str] | None = None,
        modalities: Sequence[str] = ('video', 'audio'),
        alignment: str = 'true_fps',
        on_corrupt: str = 'raise',
        labelled: bool = True,
        keep_hidden_label: bool = False,
        **kwargs,
    ) -> None:
        check_domain_names(self.DOMAINS)
        check_choice('split', split, self.SPLITS)
        check_choice('on_corrupt', on_corrupt, ON_CORRUPT)
        check_choice('alignment', alignment, ALIGNMENTS)
        self.modalities = check_names('modalities', modalities, MODALITIES)
        self.split = split
        self.alignment = alignment
        domains = check_names('domains', domains, self.DOMAINS)
        if source_domains is not None:
            source_domains = check_names(
                'source_domains', source_domains, self.DOMAINS
            )
        check_labels(domains, source_domains, labelled, keep_hidden_label)
        if labelled and source_domains is not None:
            check_protocol(split, domains, source_domains)
        self.labelled = labelled
        self.keep_hidden_label = keep_hidden_label
        self.on_corrupt = on_corrupt
        if kwargs.get('multi_class'):
            raise ValueError(
                '`multi_class=True` is for clips with several labels, but '
                f'those of {type(self).__name__} have one: remove it'
            )
        metainfo = dict(
            kwargs.pop('metainfo', None) or {},
            domains=domains,
            source_domains=source_domains or domains,
        )
        classes = metainfo.get('classes', self.METAINFO.get('classes'))
        if isinstance(classes, str):
            classes = metainfo['classes'] = read_names(Path(classes))
        if classes is not None:
            check_classes(classes, kwargs.get('num_classes'))
        super().__init__(
            ann_file='',
            pipeline=pipeline,
            data_root=str(data_root),
            data_prefix={},
            metainfo=metainfo,
            **kwargs,
        )

    def _check_files(self, domain: str, data_list: list[dict]) -> None:
        """Check that the media files of a domain exist.

        Raises:
            FileNotFoundError: If one is missing, with ``on_corrupt='raise'``.
        """
        if self.on_corrupt == 'skip':
            return
        files = {path for item in data_list for path in self._files(item)}
        missing = missing_files(sorted(files))
        if missing:
            raise FileNotFoundError(
                f'{len(missing)} of {len(files)} media files of domain '
                f'{domain!r} are missing, the first ones: {missing[:3]}. Add '
                "them, or set on_corrupt='skip' to replace their samples"
            )

    def _files(self, item: dict) -> Iterator[str]:
        """Yield the files and folders of an item that must exist."""
        if 'video' in self.modalities:
            yield item['filename']
        if 'flow_dir' in item:
            yield from (os.path.join(item['flow_dir'], c) for c in 'uv')
        yield from item.get('flow_paths', ())

    def filter_data(self) -> list[dict]:
        """Check the labels; drop or hide those of an unlabelled target."""
        data_list = super().filter_data()
        check_indices(self._indices, len(data_list))
        classes = self._metainfo.get('classes')
        check_sample_labels(data_list, classes and len(classes))
        if not self.labelled:
            for item in data_list:
                label = item.pop('label')
                if self.keep_hidden_label:
                    item['hidden_label'] = label
        return data_list

    def get_data_info(self, idx: int) -> dict:
        """Get the item of a sample before the pipeline."""
        data_info = super().get_data_info(idx)
        data_info['alignment'] = self.alignment
        # The base class overwrites `start_index` with one common value.
        if 'start_frame' in data_info:
            data_info['start_index'] = data_info.pop('start_frame')
        return data_info

    def get_cat_ids(self, idx: int) -> list[int]:
        """Get the class of a sample, for wrappers that balance classes.

        Returns:
            One class index, or none for a sample without a label.
        """
        label = self.get_data_info(idx).get('label')
        return [] if label is None else [label]

    def full_init(self) -> None:
        """Load the annotations."""
        if not self._fully_initialized:
            super().full_init()
            self._clear_corrupt()

    def _clear_corrupt(self) -> None:
        # One byte for each sample in shared memory. Worker processes only set
        # it to 1, so no lock is needed and nothing is counted twice.
        self.corrupt = torch.zeros(len(self), dtype=torch.uint8)
        self.corrupt.share_memory_()

    def get_subset_(self, indices: Sequence[int] | int) -> None:
        """Keep some samples; none of them counts as corrupt at first."""
        super().get_subset_(indices)
        self._clear_corrupt()

    def get_subset(self, indices: Sequence[int] | int) -> 'DomainDataset':
        """Copy some samples; none of them counts as corrupt at first."""
        subset = super().get_subset(indices)
        subset._clear_corrupt()
        return subset

    @property
    @force_full_init
    def num_corrupt(self) -> int:
        """Number of corrupt samples that have been found and replaced."""
        return int(self.corrupt.sum())

    def prepare_data(self, idx: int) -> dict | None:
        """Run the pipeline on a sample, or on its replacement."""
        if self.on_corrupt == 'raise':
            return self._run_pipeline(idx)
        domain = self.get_data_info(idx)['domain_name']
        states = generator_states()
        for i in chain([idx], self._replacements(idx, domain)):
            if self.corrupt[i]:
                continue
            try:
                data = self._run_pipeline(i)
                if i != idx:
                    mark_replacement(data, self.test_mode)
                return data
            except CorruptMediaError as error:
                # The replacement must draw the same random numbers whether
                # the sample is found corrupt now or was known to be corrupt.
                set_generator_states(states)
                self.corrupt[i] = 1
                print_log(
                    f'sample {i} is replaced by another one of domain '
                    f'{domain!r} ({self.num_corrupt} of {len(self)} samples '
                    f'so far): {error}',
                    logger='current',
                    level=WARNING,
                )
        raise CorruptMediaError(
            f'the media of every sample of domain {domain!r} in '
            f'{self.data_root} are corrupt'
        )

    def _run_pipeline(self, idx: int) -> dict | None:
        data_info = self.get_data_info(idx)
        filename = data_info['filename']
        try:
            return self.pipeline(data_info)
        except CorruptMediaError:
            raise
        except Exception as error:
            # A decoder of MMAction2 may have failed. If the file is corrupt,
            # this raises an error that names it.
            self._check_media(self.get_data_info(idx))
            raise RuntimeError(
                f'the pipeline failed on sample {idx}, {filename}: {error!r}'
            ) from error

    def _check_media(self, data_info: dict) -> None:
        """Decode the media that a decoder of MMAction2 may have failed on.

        Raises:
            CorruptMediaError: If a file cannot be decoded.
        """
        if 'video' not in self.modalities:
            return
        if 'frame_dir' in data_info:
            for path in frame_paths(data_info):
                read_frame(path)
        else:
            read_video(data_info['filename'])

    def _replacements(self, idx: int, domain: str) -> Iterator[int]:
        """Yield the other samples of a domain in an order set by ``idx``."""
        size = len(self)
        for i in np.random.default_rng(idx % size).permutation(size):
            if i != idx and self.get_data_info(i)['domain_name'] == domain:
                yield int(i)
