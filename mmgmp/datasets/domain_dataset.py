# Copyright (c) mmgmp authors.
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from logging import WARNING

import numpy as np
import torch
from mmaction.datasets import BaseActionDataset
from mmengine.logging import print_log

from mmgmp.utils.seeding import generator_states, set_generator_states

from .arguments import (
    ALIGNMENTS,
    ON_CORRUPT,
    check_choice,
    check_domains,
    check_labels,
    check_modalities,
    check_protocol,
)
from .frame_folder import frame_paths, read_frame
from .media import CorruptMediaError, read_video
from .missing_files import missing_files


class DomainDataset(BaseActionDataset):
    """Base of the datasets that hold several domains.

    A subclass names its ``DOMAINS`` and ``SPLITS``, has the class names in
    ``METAINFO`` and reads its annotations in :meth:`load_data_list`. An item,
    before the pipeline, has ``filename``, ``audio_path``, ``label`` (int; if
    ``labelled``), ``domain_name``, ``alignment`` and ``domain``, the index of
    its domain in ``source_domains`` or -1 for a domain that is not a source.

    Corrupt media (missing, empty, truncated, undecodable or silent) are named
    in the error. With ``on_corrupt='skip'`` such a sample is replaced by
    another one of its domain, which depends on the index alone; the first
    time it is logged, and :attr:`num_corrupt` counts it, in worker processes
    too (see :class:`~mmgmp.engine.CorruptSampleHook`). Any other failure of
    the pipeline is raised in either case.

    Args:
        data_root: Folder of the data set.
        domains: Domains to read.
        split: Rows to read, one of ``SPLITS``.
        pipeline: Transforms.
        source_domains: Domains of the training, in the order of their
            indices. Defaults to ``domains``.
        modalities: Which of 'video', 'audio' and 'flow' are used. Only their
            files have to be there.
        alignment: ``'true_fps'``: a frame index means that frame, and the
            seconds of a clip follow from the frame rate of its file.
            ``'as_released'``: those of the published code, see
            :class:`~mmgmp.datasets.OpenVideo` and
            :class:`~mmgmp.datasets.LoadAudio`. The transforms read it from
            the item.
        on_corrupt: ``'raise'`` or ``'skip'``.
        labelled: False for the target of an unsupervised adaptation, of any
            split, which needs ``source_domains``: labels are dropped when the
            annotations are loaded. File names stay as they are.
        keep_hidden_label: Whether unlabelled items have their label as
            ``hidden_label``, for analysis; name it in ``algorithm_keys`` of
            ``PackActionInputs`` to find it in the data samples.
        **kwargs: Arguments of :class:`mmengine.dataset.BaseDataset`.

    Raises:
        TypeError: If a string stands for a list of names.
        ValueError: If a domain or a modality is unknown or repeated, or
            another argument has another value than these; if training rows
            with labels are read of a domain that is not in the given
            ``source_domains``, or all rows, or unlabelled ones, of one that
            is.
        CorruptMediaError: (an item) If its media are corrupt.
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
        check_choice('split', split, self.SPLITS)
        check_choice('on_corrupt', on_corrupt, ON_CORRUPT)
        check_choice('alignment', alignment, ALIGNMENTS)
        self.modalities = check_modalities(modalities)
        self.split = split
        self.alignment = alignment
        domains = check_domains('domains', domains, self.DOMAINS)
        if source_domains is not None:
            source_domains = check_domains(
                'source_domains', source_domains, self.DOMAINS
            )
        check_labels(domains, source_domains, labelled, keep_hidden_label)
        if labelled and source_domains is not None:
            check_protocol(split, domains, source_domains)
        self.labelled = labelled
        self.keep_hidden_label = keep_hidden_label
        self.on_corrupt = on_corrupt
        super().__init__(
            ann_file='',
            pipeline=pipeline,
            data_root=str(data_root),
            data_prefix={},
            metainfo=dict(
                kwargs.pop('metainfo', None) or {},
                domains=domains,
                source_domains=source_domains or domains,
            ),
            **kwargs,
        )

    def _check_files(self, domain: str, data_list: list[dict]) -> None:
        """Look for the media files of a domain.

        Raises:
            FileNotFoundError: With ``on_corrupt='raise'``, if one is missing.
        """
        if self.on_corrupt == 'skip':
            return
        files = {path for item in data_list for path in self._files(item)}
        missing = missing_files(sorted(files))
        if missing:
            raise FileNotFoundError(
                f'{len(missing)} of {len(files)} media files of domain '
                f'{domain!r} are missing, the first ones: {missing[:3]}. Put '
                "them there, or set on_corrupt='skip' to do without them"
            )

    def _files(self, item: dict) -> Iterator[str]:
        """Yield the files and folders of an item that must be there."""
        if 'video' in self.modalities:
            yield item['filename']
        if 'flow_dir' in item:
            yield from (os.path.join(item['flow_dir'], c) for c in 'uv')
        yield from item.get('flow_paths', ())

    def filter_data(self) -> list[dict]:
        """Drop the labels of an unlabelled target, or hide them."""
        data_list = super().filter_data()
        if not self.labelled:
            for item in data_list:
                label = item.pop('label')
                if self.keep_hidden_label:
                    item['hidden_label'] = label
        return data_list

    def get_data_info(self, idx: int) -> dict:
        """Item of a sample, before the pipeline."""
        data_info = super().get_data_info(idx)
        data_info['alignment'] = self.alignment
        # The base class sets its own, the same for all samples.
        if 'start_frame' in data_info:
            data_info['start_index'] = data_info.pop('start_frame')
        return data_info

    def full_init(self) -> None:
        """Load the annotations."""
        super().full_init()
        # A byte for each sample in shared memory, which worker processes set
        # to 1 and never back: no lock is needed, and nothing counts twice.
        self.corrupt = torch.zeros(len(self), dtype=torch.uint8)
        self.corrupt.share_memory_()

    @property
    def num_corrupt(self) -> int:
        """Number of samples found corrupt so far and replaced."""
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
                return self._run_pipeline(i)
            except CorruptMediaError as error:
                # The replacement draws the same numbers, whether it was this
                # try or an earlier one that found the sample corrupt.
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
            f'the media of every sample of domain {domain!r} that was read '
            f'from {self.data_root} are corrupt'
        )

    def _copy_without_annotation(self, *args) -> 'DomainDataset':
        """Copy for a subset, which counts anew, in shared memory again."""
        other = super()._copy_without_annotation(*args)
        other.corrupt = torch.zeros_like(self.corrupt).share_memory_()
        return other

    def _run_pipeline(self, idx: int) -> dict | None:
        data_info = self.get_data_info(idx)
        filename = data_info['filename']
        try:
            return self.pipeline(data_info)
        except CorruptMediaError:
            raise
        except Exception as error:
            # A decoder of MMAction2 may have failed: this names the file if
            # it is corrupt.
            self._check_media(self.get_data_info(idx))
            raise RuntimeError(
                f'the pipeline failed on sample {idx}, {filename}: {error!r}'
            ) from error

    def _check_media(self, data_info: dict) -> None:
        """Decode what MMAction2's transforms may have failed to decode.

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
