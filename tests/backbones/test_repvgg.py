"""RepVGGBackbone: architectures, dilations, freezing, official networks."""
import pytest
import torch
from mmengine.registry import MODELS, init_default_scope
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

import mmrep
from mmrep import RepVGGBackbone, RepVGGConv2d
from mmrep.backbones.repvgg_arch import ARCHITECTURES
from mmrep.checkpoints import convert
from mmrep.deploy import relative_difference
from mmrep.testing import randomize_norms

SMALL = dict(base_channels=16)
PLAIN = dict(type='Conv2d')


def convs(net):
    return [m for m in net.modules() if isinstance(m, RepVGGConv2d)]


@pytest.mark.parametrize('arch', ARCHITECTURES)
def test_deploys_as_mmpretrains_repvgg(arch):
    """Names, shapes, groups and features are those of the host's net."""
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    net = randomize_norms(RepVGGBackbone(arch, **SMALL)).eval()
    fused = mmrep.fuse(net)
    nets = [RepVGGBackbone(arch, conv_cfg=PLAIN, **SMALL)]
    # mmpretrain's deployed form skips squeeze and excitation
    if not arch.endswith('se'):
        nets.append(
            MODELS.build(
                dict(
                    type='mmpretrain.RepVGG',
                    arch=arch,
                    deploy=True,
                    out_indices=(0, 1, 2, 3),
                    **SMALL)))
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = net(x)
        for deployed in nets:
            deployed.load_state_dict(fused.state_dict())
            deployed.eval()
            for a, b in zip(expected, deployed(x), strict=True):
                assert relative_difference(a, b) < 1e-4


@pytest.mark.parametrize('arch, widths', [
    ('A0', (48, 96, 192, 1280)),
    ('B1g2', (128, 256, 512, 2048)),
    ('B3', (192, 384, 768, 2560)),
])
def test_widths_of_the_papers_table_2(arch, widths):
    net = RepVGGBackbone(arch, conv_cfg=dict(PLAIN, device='meta'))
    out = [stage[-1].branch_reparam.out_channels for stage in net.stages]
    assert tuple(out) == widths == widths[:-1] + (net.feat_dim, )
    assert net.stem.branch_reparam.out_channels == min(64, widths[0])


def test_every_second_layer_is_grouped():
    net = RepVGGBackbone('B1g4', **SMALL)
    groups = [conv.groups for conv in convs(net)]
    assert groups == [1] + [1, 4] * 13 + [1]


@pytest.mark.parametrize('dilations, expected', [
    ((1, 1, 2, 4), [2] * 16 + [4]),
    ((1, 1, (2, 2, 2, 2), (4, )), [1] * 12 + [2] * 4 + [4]),
])
def test_dilated_for_pspnet(dilations, expected):
    """The last two stages are dilated; with "fast", the last five layers."""
    net = RepVGGBackbone(
        'B1g2', strides=(2, 2, 1, 1), dilations=dilations, **SMALL)
    last = convs(net)[-17:]
    assert [conv.dilation[0] for conv in last] == expected
    randomize_norms(net).eval()
    x = torch.randn(1, 3, 65, 97)
    with torch.no_grad():
        out, fused = net(x), mmrep.fuse(net)(x)
    assert out[-1].shape[2:] == out[1].shape[2:] == (9, 13)
    for a, b in zip(out, fused):
        assert relative_difference(a, b) < 1e-4


def test_halves_of_stages():
    """RepVGGplus has an auxiliary classifier behind layer 7 of 14."""
    net = RepVGGBackbone('A0', half_indices=(2, ), **SMALL).eval()
    seen = []
    net.stage_3[6].register_forward_hook(lambda *args: seen.append(args[-1]))
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        outs = net(x)
        net.half_indices = ()
        whole = net(x)
    assert outs[2] is seen[0]
    for a, b in zip(whole, outs[:2] + outs[3:], strict=True):
        assert a.equal(b)


@pytest.mark.parametrize('frozen', [-1, 0, 3])
def test_frozen_stages(frozen):
    net = RepVGGBackbone('A0', frozen_stages=frozen, **SMALL).train()
    for stage, module in enumerate([net.stem, *net.stages]):
        fixed = stage <= frozen
        assert all(p.requires_grad != fixed for p in module.parameters())
        norms = [m for m in module.modules() if isinstance(m, _BatchNorm)]
        assert norms and all(m.training != fixed for m in norms)


def test_norm_eval():
    net = RepVGGBackbone('A0', norm_eval=True, **SMALL).train()
    assert not any(m.training
                   for m in net.modules() if isinstance(m, _BatchNorm))


def test_checkpointed_activations_change_nothing():
    torch.manual_seed(0)
    nets = [
        RepVGGBackbone('A0', with_cp=flag, **SMALL).train()
        for flag in (False, True)
    ]
    nets[1].load_state_dict(nets[0].state_dict())
    x = torch.randn(2, 3, 64, 64, requires_grad=True)
    for net in nets:
        net(x)[-1].pow(2).mean().backward()
    for a, b in zip(nets[0].parameters(), nets[1].parameters()):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize('kwargs, message', [
    (dict(arch='A7'), "`arch` \\(='A7'\\) must be one of"),
    (dict(arch='A0g2'), 'must be one of'),
    (dict(strides=(2, 2)), '`strides`'),
    (dict(dilations=(1, (1, ) * 5, 1, 1)), '5 entries for a stage of 4'),
    (dict(out_indices=(4, )), '`out_indices`'),
    (dict(half_indices=(3, )), r'`half_indices` \(=\(3,\)\) must be some of '
     r'\[0, 1, 2\]'),
    (dict(half_indices=1), r'`half_indices` \(=1\) must be a sequence'),
    (dict(frozen_stages=5), r'`frozen_stages` \(=5\)'),
    (dict(arch=dict(num_blocks=(1, 1, 1), width_factor=(1, 1, 1))),
     "'num_blocks' of 4 stages"),
])
def test_impossible_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        RepVGGBackbone(**{'arch': 'A0', **kwargs})


@pytest.mark.parametrize('name', ['repvgg_a_repvgg', 'repvgg_ag2_repvgg'])
def test_official_networks(goldens, name):
    path = goldens / f'{name}.pt'
    if not path.exists():
        pytest.skip('the whole networks are not in the small copy')
    golden = torch.load(path, weights_only=True)
    arch = dict(
        num_blocks=golden['arch']['num_blocks'],
        width_factor=golden['arch']['width_multiplier'],
        groups=golden['arch']['groups'])
    net = RepVGGBackbone(arch).eval()
    net.load_state_dict(convert(golden['state_dict']))
    deployed = RepVGGBackbone(arch, conv_cfg=PLAIN)
    official = convert(golden['deploy_state_dict'])
    deployed.load_state_dict(official)
    fused = mmrep.fuse(net)
    for key, tensor in fused.state_dict().items():
        assert relative_difference(official[key], tensor) < 1e-6
    for model in (net, deployed, fused):
        for a, b in zip(golden['features'].values(), model(golden['input'])):
            assert relative_difference(a, b) < 1e-5


def test_plain_convs_keep_their_bias():
    net = RepVGGBackbone('A0', conv_cfg=PLAIN, **SMALL)
    assert type(net.stem.branch_reparam) is nn.Conv2d
    assert net.stem.branch_reparam.bias is not None
