# Copyright (c) mmgmp authors.
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmaction.registry import DATASETS

from .arguments import check_choice
from .base import DomainDataset
from .files import Folders
from .hac_split import Row, count_repeated, read_table
from .tables import warn_once

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
    CSV file has no header; each row is a file name, which may contain spaces
    and folders, and a class index, which may be absent for an unlabelled
    target. The folders of a clip are part of its stem, so the sound of
    ``videos/a/1.mp4`` is ``audio/a/1.wav``. If a wav file is missing,
    :class:`~mmgmp.datasets.LoadAudio` reads the audio track of the video.
    Missing files raise an error at construction, other defects when a sample
    is read. If the modalities include 'flow', an item has ``flow_paths``, the
    files of the horizontal and the vertical component.

    24 clips of domain 'human' are in both of its CSV files. As in the
    published protocols, all rows are read by default: these clips are used for
    training and validation if 'human' is a source, and tested twice if it is
    the target. ``duplicates='drop'`` removes the clips of the test file from
    the training rows: split 'train' has 1087 rows instead of 1111, split 'all'
    has 1363 instead of 1387, and split 'test' is the same. Clips in both files
    are logged as a warning, unless they are dropped.

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
            index, a clip has two labels, or two clips would share a wav file
            or a file of flow.
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
        names = Folders()
        rows = self._read_rows(root, domain)
        data_list = []
        for row in rows:
            item = dict(
                filename=names.find(media / 'videos', row.name),
                audio_path=names.find(media / 'audio', f'{row.stem}.wav'),
                label=row.label,
                domain=index,
                domain_name=domain,
            )
            if 'flow' in self.modalities:
                item['flow_paths'] = tuple(
                    names.find(media / 'flow', f'{row.stem}_flow_{c}.mp4')
                    for c in 'xy'
                )
            data_list.append(item)
        self._check_stems(rows, data_list)
        self._check_files(domain, data_list)
        return data_list

    def _check_stems(self, rows: list[Row], data_list: list[dict]) -> None:
        """Check that no two videos share the file of another modality.

        Raises:
            ValueError: If they do.
        """
        first: dict[str, tuple[Row, str]] = {}
        for row, item in zip(rows, data_list, strict=True):
            filename = item['filename']
            shared = list(item.get('flow_paths', ()))
            if 'audio' in self.modalities:
                shared.append(item['audio_path'])
            for path in shared:
                other, taken = first.setdefault(path, (row, filename))
                if taken != filename and os.path.exists(path):
                    raise ValueError(
                        f'{row.where}: {row.name!r} and {other.name!r} of '
                        f'{other.where} would share {path}: rename one of '
                        'them and its files'
                    )

    def _files(self, item: dict) -> Iterator[str]:
        yield from super()._files(item)
        # Without a wav file the audio track of the video is read.
        if 'video' not in self.modalities and 'audio' in self.modalities:
            wav = item['audio_path']
            yield wav if os.path.exists(wav) else item['filename']

    def _read_rows(self, root: Path, domain: str) -> list[Row]:
        labelled = self.labelled or self.keep_hidden_label
        tables = {}
        for part in ('test', 'train'):
            needed = part in PARTS[self.split] or self.duplicates == 'drop'
            # Without labels, there is nothing to compare.
            if needed or labelled:
                path = root / 'HAC_Splits' / f'HAC_{part}_only_{domain}.csv'
                try:
                    tables[part] = read_table(
                        path, self._metainfo['classes'], labelled
                    )
                except (FileNotFoundError, ValueError):
                    if needed:
                        raise
        self._check_overlap(domain, tables)
        if self.duplicates == 'drop':
            tested = {row.clip for row in tables['test']}
            tables['train'] = [
                row for row in tables['train'] if row.clip not in tested
            ]
        return [row for part in PARTS[self.split] for row in tables[part]]

    def _check_overlap(
        self, domain: str, tables: dict[str, list[Row]]
    ) -> None:
        """Warn of clips in both split files of a domain.

        Raises:
            ValueError: If such a clip has two labels.
        """
        clips = [{row.clip for row in rows} for rows in tables.values()]
        common = len(set.intersection(*clips)) if len(clips) > 1 else 0
        if not common:
            return
        count_repeated(row for rows in tables.values() for row in rows)
        if self.duplicates == 'keep':
            warn_once(
                f'the split files of domain {domain!r} in {self.data_root} '
                f'have {common} of their clips in common: set '
                "duplicates='drop' to leave these out of training"
            )
