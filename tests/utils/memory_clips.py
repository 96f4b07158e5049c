# Copyright (c) mmgmp authors.
"""Random clips in memory instead of the data set of a config."""

import torch
from mmaction.registry import DATASETS
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.dataset import BaseDataset

SHAPES = dict(
    video=(1, 3, 8, 24, 24), audio=(1, 33, 40), flow=(1, 2, 4, 24, 24)
)
NARROW = dict(
    video=dict(
        slow_pathway=dict(depth=18, base_channels=8),
        fast_pathway=dict(depth=18, base_channels=2),
        channel_ratio=4,
    ),
    audio=dict(stem_channels=4, base_channels=4),
    flow=dict(depth=18, base_channels=4),
)
WIDTHS = dict(video=80, audio=32, flow=32)


@DATASETS.register_module()
class MemoryClips(BaseDataset):
    """Four clips of each domain; the same for the same domain and index."""

    def __init__(
        self,
        domains,
        modalities,
        num_classes,
        source_domains=None,
        labelled=True,
    ):
        self.labelled = labelled
        self.modalities = modalities
        self.num_classes = num_classes
        super().__init__(
            metainfo=dict(
                domains=tuple(domains),
                source_domains=tuple(source_domains or domains),
                classes=tuple(map(str, range(num_classes))),
            ),
            serialize_data=False,
        )

    def load_data_list(self):
        return [
            dict(domain_name=domain, filename=f'{domain}{i}', number=i)
            for domain in self.metainfo['domains']
            for i in range(4)
        ]

    def prepare_data(self, index):
        item = self.get_data_info(index)
        name, number = item['domain_name'], item['number']
        sources = self.metainfo['source_domains']
        sample = ActionDataSample(
            metainfo=dict(domain_name=name, filename=item['filename'])
        )
        known = self.labelled and name in sources
        sample.set_field(sources.index(name) if known else -1, 'domain')
        if self.labelled:
            sample.set_gt_label(number % self.num_classes)
        seed = sum(map(ord, name)) + number
        generator = torch.Generator().manual_seed(seed)
        inputs = {
            m: torch.randn(SHAPES[m], generator=generator)
            for m in self.modalities
        }
        return dict(inputs=inputs, data_samples=sample)


def narrow_encoders(cfg: Config) -> None:
    """Make the encoders of a config narrow and random, in place."""
    for modality, encoder in cfg.model.backbone.encoders.items():
        encoder.merge(NARROW[modality])
        cfg.model.in_channels[modality] = WIDTHS[modality]
    cfg.model.backbone.pretrained = None


def read_memory_clips(cfg: Config) -> Config:
    """Make a config train narrow encoders on clips in memory, in place.

    Everything else in the config is unchanged.
    """
    narrow_encoders(cfg)
    modalities = tuple(cfg.model.backbone.encoders)
    for part in ('train', 'val', 'test'):
        loader = cfg[f'{part}_dataloader']
        loader.batch_size = 4
        loader.num_workers = 0
        loader.persistent_workers = loader.pin_memory = False
        if loader.get('batch_sampler', {}).get('num_target'):
            loader.batch_size = 8
            loader.batch_sampler.num_target = 4
        dataset = loader.dataset
        leaves = dataset.get('datasets', [dataset])
        for index, leaf in enumerate(leaves):
            leaves[index] = dict(
                type='MemoryClips',
                domains=leaf.domains,
                source_domains=leaf.get('source_domains'),
                labelled=leaf.get('labelled', True),
                modalities=modalities,
                num_classes=cfg.num_classes,
            )
        if 'datasets' in dataset:
            dataset.datasets = leaves
        else:
            loader.dataset = leaves[0]
    return cfg
