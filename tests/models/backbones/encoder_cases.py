# Copyright (c) mmgmp authors.
"""A small version of each backbone that docs/backbones.md lists."""

from typing import NamedTuple

CLIP = '(N, M, 3, T, H, W)'
FRAMES = '(N, T, 3, H, W)'
# These have a fixed width, and take more than a second.
SLOW = ('C3D', 'MobileOneTSM')
SHAPES = {
    CLIP: (2, 1, 3, 4, 32, 32),
    FRAMES: (2, 4, 3, 32, 32),
    '(N, M, V, T, H, W)': (2, 1, 17, 4, 16, 16),
    '(N, M, P, T, V, C)': (2, 1, 2, 8, 17, 3),
    '(N, 1, F, T)': (2, 1, 32, 32),
}


class Case(NamedTuple):
    """Arguments of an encoder, the layout of its batch, and its width."""

    layout: str
    width: int
    kwargs: dict
    shape: tuple = ()

    @property
    def input_shape(self):
        return self.shape or SHAPES[self.layout]


RESNET3D = dict(pretrained=None, base_channels=4)
SCRATCH = dict(pretrained=None, norm_eval=False)
# Two stages of ResNet-18, which has a fixed width.
RESNET = dict(
    SCRATCH,
    depth=18,
    num_stages=2,
    strides=(1, 2),
    dilations=(1, 1),
    out_indices=(1,),
)
SHIFT = dict(pretrained2d=False, num_segments=4)
GRAPH = dict(
    graph_cfg=dict(layout='coco', mode='stgcn_spatial'),
    base_channels=8,
    num_stages=3,
)
TOKENS = dict(img_size=32, patch_size=16)
VIT = dict(embed_dims=16, num_layers=1, num_heads=2, feedforward_channels=16)
MVIT = dict(embed_dims=8, num_layers=2, num_heads=1, downscale_indices=[1])
SWIN = dict(embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2])

CASES = {
    'ResNet3d': Case(CLIP, 32, dict(RESNET3D, depth=18)),
    'ResNet3dSlowOnly': Case(
        CLIP, 32, dict(RESNET3D, depth=18, lateral=False)
    ),
    'ResNet3dSlowFast': Case(
        CLIP,
        40,
        dict(
            pretrained=None,
            resample_rate=2,
            speed_ratio=2,
            channel_ratio=4,
            slow_pathway=dict(
                RESNET3D, type='resnet3d', depth=18, lateral=True
            ),
            fast_pathway=dict(
                RESNET3D,
                type='resnet3d',
                depth=18,
                lateral=False,
                base_channels=1,
            ),
        ),
    ),
    'ResNet3dCSN': Case(
        CLIP,
        128,
        dict(RESNET3D, depth=50, bottleneck_mode='ir', norm_eval=False),
        (2, 1, 3, 8, 32, 32),
    ),
    'ResNet2Plus1d': Case(
        CLIP,
        32,
        dict(
            RESNET3D,
            depth=18,
            pretrained2d=False,
            conv_cfg=dict(type='Conv2plus1d'),
            norm_cfg=dict(type='BN3d'),
        ),
    ),
    'C3D': Case(CLIP, 4096, dict(out_dim=512), (2, 1, 3, 16, 16, 16)),
    'C2D': Case(CLIP, 128, RESNET),
    'X3D': Case(CLIP, 128, dict(gamma_w=0.5, gamma_b=1, gamma_d=0.5)),
    'OmniResNet': Case(CLIP, 2048, dict(layers=[1, 1, 1, 1])),
    'TimeSformer': Case(
        CLIP,
        16,
        dict(
            TOKENS,
            pretrained=None,
            num_frames=4,
            embed_dims=16,
            num_heads=2,
            num_transformer_layers=1,
        ),
    ),
    'SwinTransformer3D': Case(
        CLIP,
        64,
        dict(
            arch=SWIN,
            pretrained=None,
            pretrained2d=False,
            window_size=(2, 3, 3),
        ),
    ),
    'MViT': Case(CLIP, 16, dict(arch=MVIT, spatial_size=32, temporal_size=4)),
    'UniFormer': Case(
        CLIP,
        16,
        dict(
            depth=[1, 1, 1, 1],
            embed_dim=[8, 8, 16, 16],
            head_dim=8,
            img_size=32,
        ),
    ),
    'UniFormerV2': Case(
        CLIP,
        16,
        dict(
            input_resolution=32,
            patch_size=16,
            width=16,
            layers=2,
            heads=2,
            t_size=4,
            clip_pretrained=False,
            n_layers=1,
            n_dim=16,
            n_head=2,
            return_list=[1],
            mlp_dropout=[0.5],
        ),
    ),
    'VisionTransformer': Case(
        CLIP,
        16,
        dict(TOKENS, embed_dims=16, depth=1, num_heads=2, num_frames=4),
    ),
    'ResNet': Case(FRAMES, 128, RESNET),
    'ResNetTSM': Case(FRAMES, 512, dict(SCRATCH, **SHIFT, depth=18)),
    'MobileNetV2': Case(
        FRAMES, 1280, dict(pretrained=None, widen_factor=0.25)
    ),
    'MobileNetV2TSM': Case(FRAMES, 1280, dict(SHIFT, widen_factor=0.25)),
    'MobileOneTSM': Case(FRAMES, 1024, dict(SHIFT, arch='s0')),
    'TANet': Case(
        FRAMES,
        512,
        dict(RESNET, depth=50, num_segments=4),
    ),
    'STGCN': Case('(N, M, P, T, V, C)', 8, GRAPH),
    'AAGCN': Case('(N, M, P, T, V, C)', 8, GRAPH),
    'ResNetAudio': Case(
        '(N, 1, F, T)',
        128,
        dict(RESNET3D, depth=50, norm_eval=False),
    ),
    'mmpretrain.ResNet': Case(
        FRAMES, 64, dict(depth=18, base_channels=8, stem_channels=8)
    ),
    'mmpretrain.VisionTransformer': Case(FRAMES, 16, dict(TOKENS, arch=VIT)),
    'mmpretrain.SwinTransformer': Case(
        FRAMES,
        64,
        dict(arch=SWIN, img_size=32, window_size=2, pad_small_map=True),
    ),
    'mmpretrain.ConvNeXt': Case(
        FRAMES,
        16,
        dict(arch=dict(depths=[1, 1, 1, 1], channels=[8, 8, 16, 16])),
    ),
    'mmpretrain.MViT': Case(FRAMES, 16, dict(arch=MVIT, img_size=32)),
    'mmpretrain.MobileNetV3': Case(FRAMES, 576, dict(arch='small')),
}
