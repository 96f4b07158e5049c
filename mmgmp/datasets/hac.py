# Copyright (c) mmgmp authors.
import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmaction.registry import DATASETS

from .arguments import check_choice
from .base import DomainDataset

# The published protocols test the rows of the target in this order.
PARTS = dict(train=('train',), test=('test',), all=('test', 'train'))
FOLDERS = dict(video='videos', audio='audio', flow='flow')


@DATASETS.register_module()
class HACDataset(DomainDataset):
    """Human-Animal-Cartoon, 7 actions in 3 domains: video, audio and flow.

    The data set of `SimMMDG <https://arxiv.org/abs/2310.19795>`_::

        <data_root>/HAC_Splits/HAC_{train,test}_only_<domain>.csv
        <data_root>/<domain>/videos/<stem>.mp4
        <data_root>/<domain>/audio/<stem>.wav
        <data_root>/<domain>/flow/<stem>_flow_{x,y}.mp4

    If ``data_root`` has no folder for a domain,
    ``<data_root>/HAC_Splits/<domain>`` is used, as in other published code. A
    CSV file has no header; each row is a file name, which may contain spaces,
    and a class index, which may be absent for an unlabelled target. If a wav
    file is missing, :class:`~mmgmp.datasets.LoadAudio` reads the audio track
    of the video. Missing files raise an error at construction, other defects
    when a sample is read. If the modalities include 'flow', an item has
    ``flow_paths``, the files of the horizontal and the vertical component.

    24 clips of domain 'human' are in both of its CSV files. As in the
    published protocols, all rows are read by default: these clips are used for
    training and validation if 'human' is a source, and tested twice if it is
    the target. ``duplicates='drop'`` removes the clips of the test file from
    the training rows: split 'train' has 1087 rows instead of 1111, split 'all'
    has 1363 instead of 1387, and split 'test' is the same.

    Args:
        data_root: Folder of the data set.
        domains: Domains to read, of 'human', 'animal' and 'cartoon'.
        split: ``'train'``, ``'test'``, or ``'all'``: the test rows followed
            by the training rows, which is the test set of a target.
        duplicates: ``'keep'`` or ``'drop'``.
        **kwargs: Arguments of :class:`~mmgmp.datasets.DomainDataset`, such as
            ``source_domains`` and ``modalities``.

    Raises:
        ValueError: See :class:`~mmgmp.datasets.DomainDataset`; also if a CSV
            file is empty or has a row that is not a file name with a class
            index.
        FileNotFoundError: If a folder, a CSV file or (with
            ``on_corrupt='raise'``) a media file is missing.
        CorruptMediaError: When a sample is read, if its media are corrupt.
    """

    METAINFO = dict(
        classes=(
            'sleeping',
            'watching_tv',
            'eating',
            'drinking',
            'swimming',
            'running',
            'opening_door',
        )
    )
    DOMAINS = ('human', 'animal', 'cartoon')
    SPLITS = tuple(PARTS)

    def __init__(
        self,
        data_root: str,
        domains: Sequence[str],
        split: str,
        duplicates: str = 'keep',
        **kwargs,
    ) -> None:
        check_choice('duplicates', duplicates, ('keep', 'drop'))
        self.duplicates = duplicates
        super().__init__(data_root, domains, split, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the CSV files and check that the media files exist."""
        root = Path(self.data_root)
        if not root.is_dir():
            raise FileNotFoundError(
                f'`data_root` {root} is not a folder: set it to the folder '
                'that contains HAC_Splits and one folder for each domain'
            )
        data_list = []
        for domain in self._metainfo['domains']:
            data_list += self._load_domain(root, domain)
        return data_list

    def _load_domain(self, root: Path, domain: str) -> list[dict]:
        media = root / domain
        if not media.is_dir() and (root / 'HAC_Splits' / domain).is_dir():
            media = root / 'HAC_Splits' / domain
        folders = {
            m: media / name
            for m, name in FOLDERS.items()
            if m in self.modalities
        }
        for modality, folder in folders.items():
            # Without wav files the audio tracks of the videos are read.
            if modality != 'audio' and not folder.is_dir():
                raise FileNotFoundError(
                    f'folder {folder} is missing: it must contain the '
                    f'{modality} files of domain {domain!r}'
                )
        sources = self._metainfo['source_domains']
        index = sources.index(domain) if domain in sources else -1
        data_list = []
        for name, label in self._read_rows(root, domain):
            stem = Path(name).stem
            item = dict(
                filename=str(media / 'videos' / name),
                audio_path=str(media / 'audio' / f'{stem}.wav'),
                label=label,
                domain=index,
                domain_name=domain,
            )
            if 'flow' in self.modalities:
                item['flow_paths'] = tuple(
                    str(media / 'flow' / f'{stem}_flow_{c}.mp4') for c in 'xy'
                )
            data_list.append(item)
        self._check_files(domain, data_list)
        return data_list

    def _files(self, item: dict) -> Iterator[str]:
        yield from super()._files(item)
        # Without a wav file the audio track of the video is read.
        if 'video' not in self.modalities and 'audio' in self.modalities:
            wav = item['audio_path']
            yield wav if os.path.exists(wav) else item['filename']

    def _read_rows(
        self, root: Path, domain: str
    ) -> list[tuple[str, int | None]]:
        tables = {
            part: read_table(
                root / 'HAC_Splits' / f'HAC_{part}_only_{domain}.csv',
                self._metainfo['classes'],
                labelled=self.labelled or self.keep_hidden_label,
            )
            for part in ('test', 'train')
            if part in PARTS[self.split] or self.duplicates == 'drop'
        }
        if self.duplicates == 'drop':
            tested = {name for name, _ in tables['test']}
            tables['train'] = [
                row for row in tables['train'] if row[0] not in tested
            ]
        return [row for part in PARTS[self.split] for row in tables[part]]


def read_table(
    path: Path, classes: Sequence[str], labelled: bool = True
) -> list[tuple[str, int | None]]:
    """Read a CSV file of file names and class indices without a header.

    Args:
        path: CSV file.
        classes: Names of the classes.
        labelled: False to read only the file names; the class indices may
            then be absent.

    Returns:
        The rows, (file name, class index or None).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is empty or a row is not of this form.
    """
    if not path.is_file():
        raise FileNotFoundError(f'annotation file {path} is missing')
    rows = []
    with open(path, newline='', encoding='utf-8') as file:
        reader = csv.reader(file)
        for row in filter(None, reader):
            where = f'{path}, line {reader.line_num}'
            widths = (2,) if labelled else (1, 2)
            if len(row) not in widths or not row[0]:
                raise ValueError(
                    f'{where}: expected a file name and a class index, got '
                    f'{row}'
                )
            label = _class_index(row[1], classes, where) if labelled else None
            rows.append((row[0], label))
    if not rows:
        raise ValueError(f'annotation file {path} has no rows')
    return rows


def _class_index(text: str, classes: Sequence[str], where: str) -> int:
    if not text.isdecimal() or int(text) >= len(classes):
        raise ValueError(
            f'{where}: the class index must be an integer from 0 to '
            f'{len(classes) - 1}, got {text!r}'
        )
    return int(text)
