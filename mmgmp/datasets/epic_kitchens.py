# Copyright (c) mmgmp authors.
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmaction.registry import DATASETS

from .arguments import check_choice
from .base import DomainDataset
from .epic_kitchens_split import Action, read_split
from .tables import warn_once

MEDIA = ('clips', 'frames')
FOLDER = 'MM-SADA_Domain_Adaptation_Splits'
PARTICIPANTS = dict(D1='P08', D2='P01', D3='P22')
FRAME_TEMPLATE = 'frame_{:010d}.jpg'


@DATASETS.register_module()
class EPICKitchensDataset(DomainDataset):
    """EPIC-Kitchens, 8 verbs in 3 kitchens: video, audio and flow.

    The splits of `MM-SADA <https://arxiv.org/abs/2001.09691>`_, whose domains
    D1, D2 and D3 are the kitchens of participants P08, P01 and P22::

        <data_root>/MM-SADA_Domain_Adaptation_Splits/D1_train.csv ...

    ``tools/data/epic_kitchens/convert_splits.py`` writes these files from the
    published, pickled ones. The media have one of two layouts.
    ``media='frames'`` is the layout of SimMMDG::

        <data_root>/rgb/<split>/<domain>/<video>/frame_0000000001.jpg ...
        <data_root>/rgb/<split>/<domain>/<video>.wav
        <data_root>/flow/<split>/<domain>/<video>/{u,v}/frame_0000000001.jpg

    and ``media='clips'`` is the layout of MMDG-Benchmark, in the folder of the
    split files. The file names contain frame numbers; those of flow count at
    half the frame rate::

        video/<split>/<domain>/<domain>_<video>_<start>_<stop>_<label>.mp4
        flow/<split>/<domain>/<domain>_<video>_<start>_<stop>_<label>_u.mp4
        audio/<split>/<domain>/<video>.wav

    In both layouts, a wav file covers the whole video.
    ``LoadAudio(align='action')`` takes its seconds from ``audio_start`` to
    ``audio_stop`` of the item.

    The file names of clips contain the labels of the split file, so the split
    file of an unlabelled target needs labels too. No label is read from a file
    name.

    Args:
        data_root: Folder of the data set.
        domains: Domains to read, of 'D1', 'D2' and 'D3'.
        split: ``'train'`` or ``'test'``. A target is tested on its test rows
            only.
        media: ``'clips'`` or ``'frames'``.
        **kwargs: Arguments of :class:`~mmgmp.datasets.DomainDataset`, such as
            ``source_domains`` and ``modalities``.

    Raises:
        ValueError: See :class:`~mmgmp.datasets.DomainDataset`; also if a split
            file is not in the published format or belongs to another kitchen.
        FileNotFoundError: If a split file is missing or has not been
            converted; with ``on_corrupt='raise'`` also if a media file or a
            folder of frames is missing.
        CorruptMediaError: When a sample is read, if its media are corrupt.
    """

    METAINFO = dict(
        classes=(
            'take',
            'put',
            'open',
            'close',
            'wash',
            'cut',
            'mix',
            'pour',
        )
    )
    DOMAINS = ('D1', 'D2', 'D3')
    SPLITS = ('train', 'test')

    def __init__(
        self,
        data_root: str,
        domains: Sequence[str],
        split: str,
        media: str = 'clips',
        **kwargs,
    ) -> None:
        check_choice('media', media, MEDIA)
        self.media = media
        super().__init__(data_root, domains, split, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the split files and check that the media files exist."""
        root = Path(self.data_root)
        if not (root / FOLDER).is_dir():
            raise FileNotFoundError(
                f'folder {root / FOLDER} is missing: `data_root` must contain '
                'this folder with the split files'
            )
        data_list = []
        for domain in self._metainfo['domains']:
            data_list += self._load_domain(root, domain)
        return data_list

    def _load_domain(self, root: Path, domain: str) -> list[dict]:
        sources = self._metainfo['source_domains']
        index = sources.index(domain) if domain in sources else -1
        data_list = []
        actions = read_split(root / FOLDER, domain, self.split)
        self._check_overlap(root, domain, actions)
        for action in actions:
            if action.video_id.partition('_')[0] != PARTICIPANTS[domain]:
                raise ValueError(
                    f'the {self.split} split of {domain} in {root / FOLDER} '
                    f'names video {action.video_id!r}, but {domain} is the '
                    f'kitchen of participant {PARTICIPANTS[domain]}'
                )
            place = self._frames if self.media == 'frames' else self._clips
            item = dict(
                audio_start=action.start,
                audio_stop=action.stop,
                label=action.label,
                domain=index,
                domain_name=domain,
                **place(root, domain, action),
            )
            data_list.append(item)
        self._check_files(domain, data_list)
        return data_list

    def _check_overlap(
        self, root: Path, domain: str, actions: list[Action]
    ) -> None:
        """Warn of actions in both split files of a domain."""
        other = 'test' if self.split == 'train' else 'train'
        try:
            others = read_split(root / FOLDER, domain, other)
        except (FileNotFoundError, ValueError):
            return  # the other split may not be used
        common = {a.segment for a in actions} & {a.segment for a in others}
        if common:
            warn_once(
                f'the split files of {domain} in {root / FOLDER} have '
                f'{len(common)} of their actions in common'
            )

    def _frames(self, root: Path, domain: str, action: Action) -> dict:
        """List the files of an action in the layout 'frames'."""
        part = Path(self.split, domain, action.video_id)
        folder = str(root / 'rgb' / part)
        item = dict(
            filename=folder,
            frame_dir=folder,
            filename_tmpl=FRAME_TEMPLATE,
            start_frame=action.start_frame,
            total_frames=action.stop_frame - action.start_frame,
            audio_path=f'{folder}.wav',
        )
        if 'flow' in self.modalities:
            item.update(
                flow_dir=str(root / 'flow' / part),
                flow_start_index=action.flow_start,
                flow_total_frames=action.flow_length,
            )
        return item

    def _clips(self, root: Path, domain: str, action: Action) -> dict:
        """List the files of an action in the layout 'clips'."""

        def folder(name: str) -> Path:
            return root / FOLDER / name / self.split / domain

        name = f'{domain}_{action.video_id}'
        frames = f'{action.start_frame}_{action.stop_frame}_{action.label}'
        item: dict[str, object] = dict(
            filename=str(folder('video') / f'{name}_{frames}.mp4'),
            audio_path=str(folder('audio') / f'{action.video_id}.wav'),
        )
        if 'flow' in self.modalities:
            stop = action.flow_start + action.flow_length
            frames = f'{action.flow_start}_{stop}_{action.label}'
            item['flow_paths'] = tuple(
                str(folder('flow') / f'{name}_{frames}_{component}.mp4')
                for component in 'uv'
            )
        return item

    def _files(self, item: dict) -> Iterator[str]:
        yield from super()._files(item)
        if 'audio' in self.modalities:
            yield item['audio_path']
