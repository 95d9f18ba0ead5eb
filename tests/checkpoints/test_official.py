"""Layouts of checkpoints, their names, and checkpoints of no layout."""
import pytest
import torch

from mmrep import OREPAResNet, RepVGGBackbone
from mmrep.checkpoints import convert
from mmrep.errors import UserError

ONE = torch.ones(1)


def orepa(groups=1):
    """Return what the official code would save of one convolution."""
    return {
        f'stage1.0.conv1.{name}': tensor
        for name, tensor in {
            'weight_orepa_origin': torch.randn(8, 8 // groups, 3, 3),
            'weight_orepa_gconv_dw': torch.randn(64, 1, 3, 3),
            'weight_orepa_gconv_pw': torch.randn(8, 64 // groups, 1, 1),
            'vector': torch.randn(6, 8),
            'weight_orepa_avg_avg': torch.ones(3, 3),
            'weight_orepa_prior': torch.ones(8, 3, 3),
            'id_tensor': torch.ones(8, 8, 1, 1),
            'bn.weight': torch.randn(8),
        }.items()
    }


OREPA_NAMES = [
    'layer1.0.bn1.weight',
    'layer1.0.conv1.branches.separable.depthwise',
    'layer1.0.conv1.branches.separable.pointwise',
    'layer1.0.conv1.scale',
    'layer1.0.conv1.weight',
]


@pytest.mark.parametrize('prefix', ['', 'module.', 'module.backbone.'])
@pytest.mark.parametrize('key', [None, 'state_dict', 'model', 'model_ema'])
def test_prefixes_and_wrappers(prefix, key):
    state_dict = {prefix + k: v for k, v in orepa().items()}
    state_dict['linear.weight'] = ONE
    out = convert({key: state_dict, 'epoch': 3} if key else state_dict)
    assert sorted(out) == OREPA_NAMES


@pytest.mark.parametrize('name', ['linear', 'module.fc', 'head.fc'])
def test_classifier(name):
    weight, bias = torch.randn(2, 8), torch.randn(2)
    state_dict = {**orepa(), f'{name}.weight': weight, f'{name}.bias': bias}
    assert sorted(convert(state_dict)) == OREPA_NAMES
    out = convert(state_dict, target='classifier')
    assert out.pop('head.fc.weight') is weight
    assert out.pop('head.fc.bias') is bias
    assert sorted(out) == [f'backbone.{k}' for k in OREPA_NAMES]


def test_no_classifier():
    with pytest.raises(UserError, match='has no classifier'):
        convert(orepa(), target='classifier')
    with pytest.raises(ValueError, match="`target` \\(='head'\\)"):
        convert(orepa(), target='head')


def test_separable_rows_follow_the_groups():
    state_dict = orepa(groups=2)
    name = 'stage1.0.conv1.weight_orepa_gconv_pw'
    rows = convert(state_dict)['layer1.0.conv1.branches.separable.pointwise']
    assert rows.equal(state_dict[name][[0, 2, 4, 6, 1, 3, 5, 7]])


@pytest.mark.parametrize('official, becomes', [
    ('stage0.conv1.or_large_reparam.weight', 'conv1.weight'),
    ('stage1.0.conv1.or1x1_reparam.weight', 'layer1.0.conv1.weight'),
    ('stage1.0.shortcut.orepa_reparam.weight', 'layer1.0.downsample.0.weight'),
    ('stage2.10.shortcut.weight_or1x1_origin',
     'layer2.10.downsample.0.weight'),
    ('stage0.conv1.conv.weight', 'conv1.weight'),
    ('stage1.0.conv2.dbb_reparam.weight', 'layer1.0.conv2.weight'),
    ('stage1.0.conv2.dbb_origin.conv.weight', 'layer1.0.conv2.weight'),
    ('layer1.0.conv2.conv_deployed.weight', 'layer1.0.conv2.weight'),
    ('layer1.0.conv2.dbb_kxk.conv.weight', 'layer1.0.conv2.weight'),
    ('stage0.rbr_reparam.weight', 'stem.branch_reparam.weight'),
    ('stage3.13.rbr_dense.conv.weight', 'stage_3.13.branch_reparam.weight'),
    ('stage1.0.rbr_dense.weight_rbr_origin',
     'stage_1.0.branch_reparam.kxk.weight'),
    ('stem.branch_reparam.weight', 'stem.branch_reparam.weight'),
    ('stage_1.1.branch_3x3.conv.weight', 'stage_1.1.branch_reparam.weight'),
])
def test_the_weight_of_every_layout(official, becomes):
    """Each layout is recognised by this name alone."""
    weight = torch.ones(2, 2, 3, 3)
    assert convert({official: weight}) == {becomes: weight}


def test_squeeze_and_excitation_of_repvgg():
    official = {
        f'{stage}.{name}': torch.randn(2)
        for stage in ('stage0', 'stage2.1')
        for name in ('rbr_reparam.weight', 'se.down.weight', 'se.down.bias',
                     'se.up.weight', 'se.up.bias')
    }
    out = convert(official)
    for stage, ours in (('stage0', 'stem'), ('stage2.1', 'stage_2.1')):
        for name, leaf in (('down', 'conv1'), ('up', 'conv2')):
            for kind in ('weight', 'bias'):
                expected = official[f'{stage}.se.{name}.{kind}']
                name_of_ours = f'{ours}.se_layer.{leaf}.conv.{kind}'
                assert out.pop(name_of_ours) is expected
    assert sorted(out) == [
        'stage_2.1.branch_reparam.weight', 'stem.branch_reparam.weight'
    ]


def test_the_input_is_left_alone(goldens):
    state_dict = torch.load(
        goldens / 'orepa_7x7_s2.pt', weights_only=True)['state_dict']
    before = {k: v.clone() for k, v in state_dict.items()}
    convert(state_dict)
    assert state_dict.keys() == before.keys()
    assert all(v.equal(before[k]) for k, v in state_dict.items())


@pytest.mark.parametrize('mark', [
    'stage1.0.conv1.weight_orepa_origin',
    'stage1.0.conv1.dbb_origin.conv.weight',
    'layer1.0.conv1.dbb_kxk.conv.weight',
    'stage0.rbr_dense.conv.weight',
    'stage0.rbr_dense.weight_rbr_origin',
    'stem.branch_3x3.conv.weight',
])
@pytest.mark.parametrize('left', [
    'stage1.0.conv1.weight_orepa_other',
    'stage1.0.conv1.dbb_1x1_kxk.conv3.weight',
    'stage0.rbr_skip.weight',
    'stem.branch_5x5.conv.weight',
    'neck.weight',
    'linear.scale',
    'stage1.0.conv1.bn.steps',
])
def test_a_name_that_no_table_explains(mark, left):
    with pytest.raises(UserError, match=f"'{left}' is no name of"):
        convert({mark: torch.ones(2, 2, 3, 3), left: ONE})


@pytest.mark.parametrize('state_dict, message', [
    ({}, 'no known layout'),
    ({'encoder.weight': ONE}, r"no known layout .* such as \['encoder.w"),
    (OREPAResNet(18, base_channels=4, conv_cfg=dict(type='Conv2d')),
     'names of a plain ResNet: it loads as it is'),
    (OREPAResNet(18, base_channels=4), "mmrep's own names"),
    (RepVGGBackbone('A0', base_channels=8), "mmrep's own names"),
    ({'weight0.weight_orepa_origin': torch.ones(7, 3, 3, 3),
      'weight1.weight_orepa_origin': torch.ones(7, 7, 3, 3),
      'weight1.weight_orepa_pfir_conv': torch.ones(7, 7, 1, 1)},
     'stem of 7 channels'),
    ({'weight1.weight_orepa_origin': torch.ones(7, 7, 3, 3)},
     'damaged: .*factors.0.weight'),
    ({'weight_orepa_origin': ONE, 'weight_orepa_gconv_pw': ONE}, 'damaged'),
    ({'weight_orepa_origin': ONE,
      'weight_orepa_gconv_dw': torch.ones(64, 1, 3, 3),
      'weight_orepa_gconv_pw': torch.ones(7, 32, 1, 1)}, 'damaged'),
])  # yapf: disable
def test_what_cannot_be_converted(state_dict, message):
    if isinstance(state_dict, torch.nn.Module):
        state_dict = state_dict.state_dict()
    with pytest.raises(UserError, match=message) as error:
        convert(state_dict)
    assert '\n' not in str(error.value)
