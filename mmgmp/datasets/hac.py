# Copyright (c) mmgmp authors.
import csv
from collections.abc import Sequence
from pathlib import Path

from mmaction.registry import DATASETS

from .domain_dataset import DomainDataset

# Rows of the target are tested in this order by the published protocols.
SPLITS = dict(train=('train',), test=('test',), all=('test', 'train'))


@DATASETS.register_module()
class HACDataset(DomainDataset):
    """Human-Animal-Cartoon, 7 actions in 3 domains, with video and audio.

    The data set of `SimMMDG <https://arxiv.org/abs/2310.19795>`_::

        <data_root>/HAC_Splits/HAC_{train,test}_only_<domain>.csv
        <data_root>/<domain>/videos/<name>.mp4
        <data_root>/<domain>/audio/<name>.wav

    Each row of a CSV file, which has no header, is a file name and a class
    index. Names are taken as they are, spaces included. A wav file may be
    absent: :class:`~mmgmp.datasets.LoadAudio` then reads the audio track of
    the video. Missing videos are found at construction, other defects when
    a sample is read.

    Args:
        data_root: Folder of the data set.
        domains: Domains to read, of 'human', 'animal' and 'cartoon'.
        split: ``'train'``, ``'test'``, or ``'all'``, the test rows followed
            by the training rows, as targets are tested.
        source_domains: Domains of the training, in the order of their
            indices. Defaults to ``domains``.
        on_corrupt: ``'raise'`` or ``'skip'``.
        **kwargs: Arguments of :class:`~mmgmp.datasets.DomainDataset`.

    Raises:
        ValueError: If an argument has an unknown value or a repeated domain;
            if training rows are read of a domain that is not in the given
            ``source_domains``, or all rows of one that is; if a CSV file is
            empty or has a row that is no file name with a class index.
        FileNotFoundError: If a folder, a CSV file or (with
            ``on_corrupt='raise'``) a video is missing.
        CorruptMediaError: (an item) If its media are corrupt.
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

    def __init__(
        self,
        data_root: str,
        domains: Sequence[str],
        split: str,
        source_domains: Sequence[str] | None = None,
        **kwargs,
    ) -> None:
        if split not in SPLITS:
            raise ValueError(
                f'`split` must be one of {tuple(SPLITS)}, got {split!r}'
            )
        if source_domains is not None:
            _check_protocol(
                split,
                self._check_domains('domains', domains),
                self._check_domains('source_domains', source_domains),
            )
        self.split = split
        super().__init__(
            data_root=data_root,
            domains=domains,
            source_domains=source_domains,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """Read the CSV files and check that the videos are there."""
        root = Path(self.data_root)
        if not root.is_dir():
            raise FileNotFoundError(
                f'`data_root` {root} is not a folder: give the folder that '
                'holds HAC_Splits and a folder for each domain'
            )
        data_list = []
        for domain in self._metainfo['domains']:
            data_list += self._load_domain(root, domain)
        return data_list

    def _load_domain(self, root: Path, domain: str) -> list[dict]:
        videos = root / domain / 'videos'
        if not videos.is_dir():
            raise FileNotFoundError(
                f'folder {videos} is missing: `data_root` must hold the '
                f'videos of domain {domain!r} there'
            )
        sources = self._metainfo['source_domains']
        index = sources.index(domain) if domain in sources else -1
        present = {path.name for path in videos.iterdir()}
        data_list, missing = [], []
        for part in SPLITS[self.split]:
            table = root / 'HAC_Splits' / f'HAC_{part}_only_{domain}.csv'
            for name, label in read_table(table, self._metainfo['classes']):
                if name not in present:
                    missing.append(str(videos / name))
                audio = root / domain / 'audio' / f'{Path(name).stem}.wav'
                data_list.append(
                    dict(
                        filename=str(videos / name),
                        audio_path=str(audio),
                        label=label,
                        domain=index,
                        domain_name=domain,
                    )
                )
        if missing and self.on_corrupt == 'raise':
            raise FileNotFoundError(
                f'{len(missing)} of {len(data_list)} videos of domain '
                f'{domain!r} are missing, the first ones: {missing[:3]}. Put '
                "them there, or set on_corrupt='skip' to do without them"
            )
        return data_list


def _check_protocol(split: str, domains: tuple, source_domains: tuple) -> None:
    """Refuse to train on a target or to test on what was trained on."""
    unseen = set(domains) - set(source_domains)
    if split == 'train' and unseen:
        raise ValueError(
            f'`domains` {domains} are to be trained on, and '
            f'{sorted(unseen)} are not in `source_domains` {source_domains}'
        )
    if split == 'all' and len(unseen) < len(domains):
        raise ValueError(
            f"split 'all' of `domains` {domains} has training samples of "
            f'`source_domains` {source_domains}: a target must not be among '
            "the sources (use split 'test' to validate on a source)"
        )


def read_table(path: Path, classes: Sequence[str]) -> list[tuple[str, int]]:
    """Read a CSV file of file names and class indices without a header.

    Args:
        path: CSV file.
        classes: Names of the classes.

    Returns:
        The rows, (file name, class index).

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
            if len(row) != 2 or not row[0]:
                raise ValueError(
                    f'{where}: expected a file name and a class index, got '
                    f'{row}'
                )
            name, label = row
            if not label.isdecimal() or int(label) >= len(classes):
                raise ValueError(
                    f'{where}: the class index must be an integer from 0 to '
                    f'{len(classes) - 1}, got {label!r}'
                )
            rows.append((name, int(label)))
    if not rows:
        raise ValueError(f'annotation file {path} has no rows')
    return rows
