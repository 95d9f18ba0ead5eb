"""Converting official names; exactness is tested with layers and nets."""
import pytest
import torch

from mmrep import OREPAResNet
from mmrep.checkpoints import convert
from mmrep.checkpoints.renaming import rename


def test_rename_applies_every_row_in_turn():
    table = [(r'^a\.', 'b.'), (r'^b\.(\d)', r'c.\1')]
    assert rename('a.7.a.', table) == 'c.7.a.'


def official(groups=1):
    """What the official code would save for a converted state dict."""
    return {
        f'module.stage1.0.conv1.{name}': tensor
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


def test_names_prefixes_and_constants():
    out = convert({
        **official(), 'module.linear.weight': torch.ones(1)
    })
    assert sorted(out) == [
        'layer1.0.bn1.weight',
        'layer1.0.conv1.branches.separable.depthwise',
        'layer1.0.conv1.branches.separable.pointwise',
        'layer1.0.conv1.scale',
        'layer1.0.conv1.weight',
    ]


def test_separable_rows_follow_the_groups():
    state_dict = official(groups=2)
    name = 'module.stage1.0.conv1.weight_orepa_gconv_pw'
    rows = convert(state_dict)['layer1.0.conv1.branches.separable.pointwise']
    assert rows.equal(state_dict[name][[0, 2, 4, 6, 1, 3, 5, 7]])


def test_the_input_is_left_alone(goldens):
    state_dict = torch.load(
        goldens / 'orepa_7x7_s2.pt', weights_only=True)['state_dict']
    before = {k: v.clone() for k, v in state_dict.items()}
    convert(state_dict)
    assert state_dict.keys() == before.keys()
    assert all(v.equal(before[k]) for k, v in state_dict.items())


@pytest.mark.parametrize('state_dict, message', [
    ({}, 'no checkpoint of a known layout'),
    (OREPAResNet(18, base_channels=4).state_dict(), 'no checkpoint of a known '
     r'layout .* such as \['),
    ({'stage1.0.conv1.weight_orepa_origin': torch.ones(1),
      'stage1.0.conv1.weight_orepa_other': torch.ones(1)},
     'weight_orepa_other'),
    ({'stage0.rbr_dense.conv.weight': torch.ones(1),
      'stage0.rbr_skip.weight': torch.ones(1)}, 'rbr_skip'),
    ({'weight0.weight_orepa_origin': torch.ones(7, 3, 3, 3),
      'weight1.weight_orepa_origin': torch.ones(7, 7, 3, 3),
      'weight1.weight_orepa_pfir_conv': torch.ones(7, 7, 1, 1)},
     'stem of 7 channels'),
])  # yapf: disable
def test_unknown_layouts(state_dict, message):
    with pytest.raises(ValueError, match=message):
        convert(state_dict)
