"""Every stock ResNet, MobileNetV2 and HRNet of every host, made rich."""
import importlib
import inspect

import pytest
import torch
from mmengine.registry import MODELS

R18 = dict(depth=18, base_channels=8, stem_channels=8)
R50 = dict(R18, depth=50)
GROUPED = dict(R50, groups=2)
RES2 = dict(R50, scales=2, base_width=14)
REGNET = dict(
    arch=dict(w0=8, wa=14., wm=2., group_w=4, depth=5, bot_mul=1.),
    stem_channels=8,
    base_channels=8)
MOBILENET = dict(widen_factor=0.125)
TRIDENT = dict(
    R50,
    num_stages=3,
    strides=(1, 2, 2),
    dilations=(1, 1, 1),
    out_indices=(2, ),
    num_branch=3,
    test_branch_idx=1,
    trident_dilations=(1, 2, 3))


def hrnet_stage(branches, block='BASIC', channels=4):
    return dict(
        num_modules=1,
        num_branches=branches,
        block=block,
        num_blocks=(1, ) * branches,
        num_channels=tuple(channels * 2**i for i in range(branches)))


HRNET = dict(
    extra=dict(
        stage1=hrnet_stage(1, 'BOTTLENECK', 8),
        **{f'stage{n}': hrnet_stage(n)
           for n in (2, 3, 4)}))

BACKBONES = dict(
    mmdet=dict(
        ResNet=R18,
        ResNetV1d=R50,
        ResNeXt=GROUPED,
        Res2Net=RES2,
        ResNeSt=R50,
        RegNet=REGNET,
        DetectoRS_ResNet=R50,
        DetectoRS_ResNeXt=GROUPED,
        TridentResNet=TRIDENT,
        HRNet=HRNET,
        MobileNetV2=MOBILENET),
    mmseg=dict(
        ResNet=dict(R50, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)),
        ResNetV1c=dict(R18, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)),
        ResNetV1d=R50,
        ResNeXt=GROUPED,
        ResNeSt=R50,
        HRNet=HRNET,
        MobileNetV2=MOBILENET),
    mmpretrain=dict(
        ResNet=R18,
        ResNetV1c=R50,
        ResNetV1d=R50,
        ResNeXt=dict(GROUPED, width_per_group=4),
        Res2Net=RES2,
        ResNeSt=R50,
        RegNet=REGNET,
        SEResNet=R50,
        SEResNeXt=GROUPED,
        ResNet_CIFAR=R18,
        SparseResNet=dict(R18, norm_cfg=dict(type='SparseBatchNorm2d')),
        HRNet=HRNET,
        MobileNetV2=MOBILENET))

# convolutions that the hosts build without `conv_cfg`
PLAIN = {
    ('mmdet', 'TridentResNet'): ('conv2', ),  # TridentConv has its own weight
    ('mmdet', 'ResNeSt'): ('fc1', 'fc2'),  # the attention passes `None`
    ('mmseg', 'ResNeSt'): ('fc1', 'fc2'),
    ('mmpretrain', 'ResNeSt'): ('fc1', 'fc2'),
    ('mmpretrain', 'SEResNet'): ('se_layer', ),  # SELayer is given none
    ('mmpretrain', 'SEResNeXt'): ('se_layer', ),
    ('mmpretrain', 'HRNet'): ('layer1.', ),  # ResLayer is given none
}
CASES = [(scope, name) for scope in BACKBONES for name in BACKBONES[scope]]


def family(scope):
    """Return the ResNets and similar backbones that a host registers."""
    importlib.import_module(f'{scope}.models')
    registered = importlib.import_module(f'{scope}.registry').MODELS
    kin = tuple(registered.module_dict[name]
                for name in ('ResNet', 'HRNet', 'MobileNetV2'))
    return {
        name
        for name, kind in registered.module_dict.items()
        if inspect.isclass(kind) and issubclass(kind, kin)
    }


@pytest.fixture
def all_pixels(monkeypatch):
    """Let mmpretrain's sparse layers, made for masked images, see all.

    SparseResNet makes the norms inside of rich layers sparse, but not their
    convolutions: a mask removes what a 1x1 and its norm make of zeros.
    """
    from mmpretrain.models.utils.sparse_modules import SparseHelper
    monkeypatch.setattr(SparseHelper, '_cur_active', torch.ones(2, 1, 2, 2))


@pytest.fixture
def two_blocks(scope, name, monkeypatch):
    """Give stages two blocks: further ones would be like the second."""
    importlib.import_module(f'{scope}.models')
    kind = MODELS.get(f'{scope}.{name}')
    if 'depth' in BACKBONES[scope][name]:
        short = {
            depth: (block, (2, ) * len(numbers))
            for depth, (block, numbers) in kind.arch_settings.items()
        }
    elif name == 'MobileNetV2':  # expansion, channels, blocks, ...
        short = [[*row[:2], min(row[2], 2), *row[3:]]
                 for row in kind.arch_settings]
    else:
        return
    monkeypatch.setattr(kind, 'arch_settings', short)


@pytest.mark.parametrize('scope', BACKBONES)
def test_none_is_left_out(scope):
    assert family(scope) == set(BACKBONES[scope])


@pytest.mark.parametrize('scope, name', CASES)
def test_trains_and_fuses(scope, name, check, all_pixels, two_blocks):
    plain = PLAIN.get((scope, name), ())
    x = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    check(scope, dict(type=name, **BACKBONES[scope][name]), x, plain)
