"""Converted checkpoints with holes are refused, whatever is missing."""
import pytest
import torch
from torch import nn

from mmrep import (DBBResNet, MobileNetV1, OREPAResNet, OREPAVGGBackbone,
                   RepVGGBackbone, fuse)
from mmrep.checkpoints.complete import check_complete
from mmrep.errors import UserError

ARCH = dict(num_blocks=(1, 2, 1, 1), width_factor=(1, 1, 1, 1))
PLUS = dict(ARCH, with_post_se=True)
# modules of the dict stand for those of an AuxiliaryClsHead
HEAD = nn.ModuleDict(
    dict(
        head=nn.ModuleDict(
            dict(
                fc=nn.Linear(4, 2),
                auxiliary=nn.ModuleList(
                    nn.ModuleDict(
                        dict(
                            conv=nn.Conv2d(4, 4, 3, bias=False),
                            bn=nn.BatchNorm2d(4),
                            fc=nn.Linear(4, 2))) for _ in range(2))))))
SEVEN = ('1x1', '1x1_kxk', '1x1_average', '1xk', 'kx1', 'identity')
DYREP = dict(
    type='DBBConv2d',
    branches={
        **dict.fromkeys(SEVEN, {}), '1x1_kxk':
        dict(second=dict(type='DBBConv2d', branches=['1x1_kxk']))
    },
    kxk=dict(type='DBBConv2d', branches=['1xk']))
NETS = {
    'orepa':
    lambda: OREPAResNet(18, base_channels=4),
    'orepa50':
    lambda: OREPAResNet(50, base_channels=4),
    'dbb':
    lambda: DBBResNet(18, base_channels=4),
    'dbb_inside':
    lambda: DBBResNet(18, base_channels=4, norm_behind=False),
    'mobilenet':
    lambda: MobileNetV1(widen_factor=1 / 8),
    'mobilenet_dbb':
    lambda: MobileNetV1(
        widen_factor=1 / 8, conv_cfg=dict(type='DBBConv2d'), norm_behind=False
    ),
    'dyrep':
    lambda: DBBResNet(18, base_channels=4, conv_cfg=DYREP),
    'repvgg':
    lambda: RepVGGBackbone(ARCH, base_channels=4),
    'orepa_vgg':
    lambda: OREPAVGGBackbone(ARCH, base_channels=4),
    'repvggplus':
    lambda: RepVGGBackbone(PLUS, base_channels=4),
    'head':
    lambda: HEAD,
    'deployed':
    lambda: fuse(RepVGGBackbone(ARCH, base_channels=4)),
}


@pytest.mark.parametrize('name', NETS)
def test_any_weight_that_is_missing(name):
    whole = NETS[name]().state_dict()
    check_complete(whole)
    names = [n for n in whole if 'num_batches' not in n]
    for missing in names[::max(1, len(names) // 60)]:
        rest = {k: v for k, v in whole.items() if k != missing}
        with pytest.raises(UserError, match='damaged'):
            check_complete(rest)


@pytest.mark.parametrize('part',
                         ['stage_3.', 'stage_2.0.', 'stem.', 'stage_4.'])
def test_whole_parts_that_are_missing(part):
    whole = NETS['repvgg']().state_dict()
    rest = {k: v for k, v in whole.items() if not k.startswith(part)}
    with pytest.raises(UserError, match='weights are missing'):
        check_complete(rest)


def test_a_block_far_beyond_the_others():
    """The error comes at once: the missing blocks are not enumerated."""
    whole = NETS['dbb']().state_dict()
    far = {
        k.replace('layer1.1', f'layer1.{10**12}'): v
        for k, v in whole.items()
    }
    with pytest.raises(UserError, match=f'such as .*layer1.{10**12 - 1}'):
        check_complete(far)


def test_a_stem_of_plain_kernels():
    cfg = dict(type='OREPAConv2d', branches='plain_stem')
    whole = OREPAResNet(18, base_channels=4, stem_cfg=cfg).state_dict()
    check_complete(whole)
    name = 'conv1.branches.plain_stem.kernels.1'
    rest = {k: v for k, v in whole.items() if k != name}
    with pytest.raises(UserError, match='weights are missing'):
        check_complete(rest)
    with pytest.raises(UserError, match=f"'{name}', in our names, has"):
        check_complete({**whole, name: torch.ones(4)})


def test_shapes_of_a_head():
    whole = HEAD.state_dict()
    for name in ('head.fc.weight', 'head.auxiliary.1.conv.weight'):
        with pytest.raises(UserError, match=f"'{name}', in our names, has"):
            check_complete({**whole, name: torch.ones(3)})


def test_shapes():
    whole = NETS['orepa']().state_dict()
    for name, shape in (('layer1.0.conv1.scale',
                         (5, 4)), ('layer1.0.conv1.weight', (4, )),
                        ('layer1.0.conv1.branches.1x1_kxk.first', (4, 4))):
        with pytest.raises(UserError, match=f"'{name}', in our names, has"):
            check_complete({**whole, name: torch.ones(shape)})
