# Copyright (c) mmgmp authors.
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmaction.registry import DATASETS

from ..base import DomainDataset
from ..files import Folders
from ..tables import warn_once
from .contents import class_names, domain_names, missing_classes
from .table import Clip, read_clips

# As in the other datasets, the test rows come first in 'all'.
PARTS = dict(train=('train',), test=('test',), all=('test', 'train'))


@DATASETS.register_module()
class ClipsDataset(DomainDataset):
    """Clips that a table lists: video files with sound.

    ``tools/data/index_clips.py`` writes the table from a folder. It is a CSV
    file whose first line names its columns:

    - ``path``: video file;
    - ``label``: class name. It may be empty for an unlabelled target;
    - ``domain``: name of the domain;
    - ``split``: ``train`` or ``test``;
    - ``audio`` (optional): sound file, if the video has no audio track or
      another one is to be used;
    - ``start``, ``stop`` (optional): part of a long file, in seconds after its
      first frame. Picture and sound are both taken from this part, which needs
      :class:`OpenVideo` in the pipeline;
    - ``group`` (optional): clips of one group, such as a person or a
      recording, are all in the same split. Without it, the parts of one file
      are a group.

    The classes and the domains are those of the whole table, in alphabetical
    order. A class that is missing in a domain is logged as a warning.

    Items also have ``clip_start`` and ``clip_stop``, if the table has
    ``start`` and ``stop``.

    Args:
        ann_file: The table.
        domains: Domains to read.
        split: ``'train'``, ``'test'``, or ``'all'``: the test rows followed
            by the training rows, which is the test set of a target.
        data_root: Folder of the media files. Defaults to that of the table.
        **kwargs: Arguments of :class:`~mmgmp.datasets.DomainDataset`, such as
            ``source_domains`` and ``modalities``. Optical flow is not
            supported. ``metainfo=dict(classes=...)`` may only repeat the
            classes of the table.

    Raises:
        ValueError: See :class:`~mmgmp.datasets.DomainDataset`; also if a row
            of the table is wrong, a group straddles the split, the classes are
            not those of ``metainfo``, or a labelled dataset has a row without
            a label.
        FileNotFoundError: If the table or (with ``on_corrupt='raise'``) a
            media file is missing.
        CorruptMediaError: When a sample is read, if its media are corrupt.
    """

    METAINFO: dict = dict()
    SPLITS = tuple(PARTS)

    def __init__(
        self,
        ann_file: str,
        domains: Sequence[str],
        split: str,
        data_root: str = '',
        **kwargs,
    ) -> None:
        self.table = Path(ann_file).expanduser()
        self._rows = read_clips(self.table)
        self.DOMAINS = domain_names(self._rows)
        classes = class_names(self._rows)
        metainfo = dict(kwargs.pop('metainfo', None) or {})
        given = metainfo.get('classes', classes)
        metainfo['classes'] = classes
        if tuple(given) != classes:
            raise ValueError(
                f"`metainfo['classes']` is {list(given)}, but the classes in "
                f'{self.table} are {list(classes)}: remove it'
            )
        if 'flow' in kwargs.get('modalities', ()):
            raise ValueError(
                '`modalities` of ClipsDataset are video and audio, got '
                f'{list(kwargs["modalities"])}'
            )
        if kwargs.get('alignment', 'true_fps') != 'true_fps':
            raise ValueError(
                "`alignment` of ClipsDataset must be 'true_fps', got "
                f'{kwargs["alignment"]!r}, which is for the published data '
                'sets'
            )
        super().__init__(
            data_root or str(self.table.parent),
            domains,
            split,
            metainfo=metainfo,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """Select the rows, and check that the media files exist."""
        missing = missing_classes(self._rows)
        names = Folders()
        data_list = []
        for domain in self._metainfo['domains']:
            if absent := missing.get(domain):
                warn_once(
                    f'{self.table}: domain {domain!r} has no clip of the '
                    f'classes {absent}'
                )
            items = [
                self._item(names, row)
                for part in PARTS[self.split]
                for row in self._rows
                if row.domain == domain and row.split == part
            ]
            self._check_files(domain, items)
            data_list += items
        return data_list

    def _item(self, names: Folders, row: Clip) -> dict:
        root = Path(self.data_root)
        sources = self._metainfo['source_domains']
        domain = row.domain
        item = dict(
            filename=names.find(root, row.path),
            audio_path=names.find(root, row.audio) if row.audio else '',
            label=self._label(row),
            domain=sources.index(domain) if domain in sources else -1,
            domain_name=domain,
        )
        for key, seconds in (
            ('clip_start', row.start),
            ('clip_stop', row.stop),
        ):
            if seconds is not None:
                item[key] = seconds
        return item

    def _label(self, row: Clip) -> int | None:
        if row.label:
            return self._metainfo['classes'].index(row.label)
        if self.labelled or self.keep_hidden_label:
            raise ValueError(
                f'{row.where}: {row.name} has no label, but split '
                f'{self.split!r} of domain {row.domain!r} is read with '
                'labels: add it, or read this domain with `labelled=False`'
            )
        return None

    def _files(self, item: dict) -> Iterator[str]:
        # The times of the sound are those of the video.
        yield item['filename']
        if item['audio_path'] and 'audio' in self.modalities:
            yield item['audio_path']
