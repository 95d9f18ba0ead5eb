"""OREPAResNet against the three hosts' own ResNets."""
import pytest
import torch
from mmengine.registry import MODELS, init_default_scope
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

import mmrep
from mmrep import DBBConv2d, DBBResNet, OREPAConv2d, OREPAResNet, RepVGGConv2d
from mmrep.checkpoints import convert
from mmrep.deploy import relative_difference
from mmrep.testing import randomize_norms

HOSTS = ('mmdet', 'mmseg', 'mmpretrain')
EVERYWHERE = [
    dict(depth=18),
    dict(depth=34, out_indices=(1, 3), stem_channels=16),
    dict(depth=50),
    dict(
        depth=50, style='caffe', strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)),
    dict(
        depth=50,
        num_stages=3,
        strides=(1, 2, 2),
        dilations=(1, 1, 1),
        out_indices=(2, ),
        in_channels=4),
    dict(depth=50, norm_cfg=dict(type='GN', num_groups=4)),
]
SOMEWHERE = [
    ('mmdet', dict(depth=18, deep_stem=True)),
    ('mmdet', dict(depth=50, deep_stem=True, avg_down=True)),
    ('mmdet', dict(depth=50, plugins=[
        dict(cfg=dict(type='ContextBlock', ratio=1. / 4), stages=(
            False, True, True, False), position='after_conv3')])),
    ('mmdet', dict(depth=50, stage_with_dcn=(False, True, True, False),
                   dcn=dict(type='DCNv2', deform_groups=1,
                            fallback_on_stride=False))),
    ('mmseg', dict(depth=50, contract_dilation=True, strides=(1, 2, 1, 1),
                   dilations=(1, 1, 2, 4), avg_down=True)),
    ('mmseg', dict(depth=18, contract_dilation=True, multi_grid=(1, 2),
                   dilations=(1, 1, 1, 2), strides=(1, 2, 2, 1))),
    ('mmpretrain', dict(depth=50, expansion=2, base_channels=16,
                        stem_channels=8)),
]  # yapf: disable
CASES = [(host, kwargs) for host in HOSTS for kwargs in EVERYWHERE] + SOMEWHERE


def host_backbone(host, kind, **kwargs):
    init_default_scope(host)
    return MODELS.build(dict(type=kind, **kwargs))


def check_same(stock, ours, in_channels=3):
    """Check for equal names, shapes and, with equal weights, features."""
    ours.load_state_dict(randomize_norms(stock).state_dict())
    x = torch.randn(2, in_channels, 48, 64)
    stock.eval(), ours.eval()
    with torch.no_grad():
        for a, b in zip(stock(x), ours(x), strict=True):
            assert a.shape == b.shape
            assert relative_difference(a, b) < 1e-5
    fused = mmrep.fuse(ours).state_dict()
    assert stock.state_dict().keys() == fused.keys()


@pytest.mark.parametrize('host, kwargs', CASES, ids=str)
def test_is_the_hosts_resnet(host, kwargs):
    torch.manual_seed(0)
    kwargs = dict(base_channels=8, out_indices=(0, 1, 2, 3)) | kwargs
    kwargs.setdefault('stem_channels', 8)  # 64 by default in some hosts
    stock = host_backbone(host, 'ResNet', **kwargs)
    check_same(stock, OREPAResNet(**kwargs), kwargs.get('in_channels', 3))


@pytest.mark.parametrize('host, name', [('mmdet', 'base_width'),
                                        ('mmseg', 'base_width'),
                                        ('mmpretrain', 'width_per_group')])
def test_is_the_hosts_resnext(host, name):
    kwargs = {
        'depth': 50,
        'groups': 8,
        name: 4,
        'out_indices': (0, 1, 2, 3),
        'base_channels': 16,
        'stem_channels': 16
    }
    stock = host_backbone(host, 'ResNeXt', **kwargs)
    check_same(stock, OREPAResNet(**kwargs))


def test_wide_resnet_50_2():
    net = OREPAResNet(50, width_per_group=128)
    assert net.layer1[0].conv2.weight.shape == (128, 128, 3, 3)
    assert net.layer4[0].conv3.weight.shape == (2048, 1024, 1, 1)


@pytest.mark.parametrize('depth, blocks', [(101, 33), (152, 50)])
def test_deep(depth, blocks):
    net = OREPAResNet(depth, base_channels=4)
    names = [n for n, _ in net.named_modules() if n.endswith('bn3')]
    assert len(names) == blocks
    assert [f.size(1)
            for f in net(torch.randn(2, 3, 64, 64))] == [16, 32, 64, 128]


def test_which_convs_are_rich():
    for depth, shortcut in ((18, nn.Conv2d), (50, OREPAConv2d)):
        net = OREPAResNet(depth, base_channels=8)
        assert type(net.layer2[0].downsample[0]) is shortcut
        assert type(net.layer2[0].conv1) is type(net.conv1) is OREPAConv2d
    assert 'stem' in net.conv1.branches


@pytest.mark.parametrize('deep', [False, True])
def test_stem_cfg_is_of_the_stem_alone(deep):
    """A deep stem has 3x3 convolutions; a 7x7 one the plain one of OREPA."""
    kind = OREPAConv2d if not deep else RepVGGConv2d
    cfg = dict(type='RepVGGConv2d') if deep else dict(
        type='OREPAConv2d', branches='plain_stem')
    net = DBBResNet(18, base_channels=8, deep_stem=deep, stem_cfg=cfg)
    stem = net.stem[0] if deep else net.conv1
    assert type(stem) is kind
    assert type(net.layer1[0].conv1) is DBBConv2d
    if not deep:
        assert list(stem.branches) == ['plain_stem']
    rest = DBBResNet(18, base_channels=8, deep_stem=deep)
    assert mmrep.structure(net.layer1) == mmrep.structure(rest.layer1)


@pytest.mark.parametrize('depth', [18, 50])
@pytest.mark.parametrize('frozen', [-1, 0, 2])
def test_frozen_stages(depth, frozen):
    net = OREPAResNet(
        depth,
        base_channels=8,
        frozen_stages=frozen,
        conv_cfg=dict(type='RepVGGConv2d'))
    net.train()
    parts = [[net.conv1, net.bn1], [net.layer1], [net.layer2], [net.layer3]]
    for stage, modules in enumerate(parts):
        fixed = stage <= frozen
        for module in modules:
            assert all(p.requires_grad != fixed for p in module.parameters())
            norms = [m for m in module.modules() if isinstance(m, _BatchNorm)]
            assert norms and all(m.training != fixed for m in norms)


def test_norm_eval_holds_inside_of_blocks():
    net = OREPAResNet(
        18,
        base_channels=8,
        norm_eval=True,
        conv_cfg=dict(type='RepVGGConv2d'))
    net.train()
    assert net.training and net.layer1[0].conv1.training
    assert not any(m.training
                   for m in net.modules() if isinstance(m, _BatchNorm))


def test_checkpointed_activations_change_nothing():
    torch.manual_seed(0)
    net = OREPAResNet(18, base_channels=8).train()
    twin = OREPAResNet(18, base_channels=8, with_cp=True).train()
    twin.load_state_dict(net.state_dict())
    x = torch.randn(2, 3, 32, 32)
    for model in (net, twin):
        model(x)[-1].pow(2).mean().backward()
    for a, b in zip(net.parameters(), twin.parameters()):
        torch.testing.assert_close(a.grad, b.grad)


@pytest.mark.parametrize('depth', [18, 50])
def test_initial_weights(depth):
    net = OREPAResNet(depth, base_channels=8)
    net.init_weights()
    last = net.layer1[0].last_norm
    assert last.weight.eq(0).all() and net.bn1.weight.eq(1).all()
    assert net.layer1[0].conv1.weight.std() > 0
    kept = OREPAResNet(depth, base_channels=8, zero_init_residual=False)
    kept.init_weights()
    assert kept.layer1[0].last_norm.weight.eq(1).all()


def test_pretrained_plain_weights(tmp_path):
    path = str(tmp_path / 'resnet18.pth')
    stock = host_backbone('mmdet', 'ResNet', depth=18, base_channels=8)
    torch.save(randomize_norms(stock).state_dict(), path)
    x = torch.randn(1, 3, 32, 32)
    for kwargs in (dict(pretrained=path),
                   dict(init_cfg=dict(type='Pretrained', checkpoint=path))):
        net = OREPAResNet(18, base_channels=8, **kwargs)
        net.init_weights()
        stock.eval()
        assert relative_difference(stock(x)[-1], net.eval()(x)[-1]) < 1e-5


def test_weights_of_a_deep_stem_are_refused_or_loaded(tmp_path):
    path = str(tmp_path / 'resnet18_v1c.pth')
    stock = host_backbone(
        'mmseg', 'ResNetV1c', depth=18, base_channels=8, stem_channels=8)
    torch.save(randomize_norms(stock).state_dict(), path)
    net = OREPAResNet(18, base_channels=8, pretrained=path)
    with pytest.raises(ValueError, match='set `deep_stem=True`'):
        net.init_weights()
    deep = OREPAResNet(18, base_channels=8, pretrained=path, deep_stem=True)
    deep.init_weights()
    x = torch.randn(1, 3, 32, 32)
    stock.eval()
    assert relative_difference(stock(x)[-1], deep.eval()(x)[-1]) < 1e-5


def test_gradients_reach_every_parameter():
    net = OREPAResNet(50, base_channels=8)
    net(torch.randn(2, 3, 32, 32))[-1].pow(2).mean().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_drop_path():
    net = OREPAResNet(18, base_channels=8, drop_path_rate=0.5)
    x = torch.randn(2, 3, 32, 32)
    assert not net(x)[-1].equal(net(x)[-1])
    assert net.eval()(x)[-1].equal(net(x)[-1])


@pytest.mark.parametrize('kwargs, message', [
    (dict(depth=20), r'`depth` \(=20\) must be one of \[18, 34'),
    (dict(num_stages=5), r'`num_stages` \(=5\)'),
    (dict(strides=(1, 2)), r'`strides` \(=\(1, 2\)\)'),
    (dict(dilations=(1, )), r'`dilations`'),
    (dict(out_indices=(4, )), r'`out_indices` \(=\(4,\)\)'),
    (dict(out_indices=()), r'`out_indices` \(=\(\)\) must be some of 0 to 3'),
    (dict(out_indices=(-1, )), '`out_indices`'),
    (dict(out_indices=3), r'`out_indices` \(=3\) must be a sequence'),
    (dict(frozen_stages=5), r'`frozen_stages` \(=5\)'),
    (dict(multi_grid=(1, 2, 4)), r'`multi_grid` \(=\(1, 2, 4\)\)'),
    (dict(style='tf'), "`style` \\(='tf'\\)"),
    (dict(dcn=dict(type='DCN'), stage_with_dcn=(True, ) * 4), '`dcn`'),
    (dict(pretrained='a.pth',
          init_cfg=dict(type='Pretrained')), 'cannot both be given'),
    (dict(base_channels=6, conv_cfg=dict(type='OREPAConv2d',
                                         groups=4)), 'groups'),
])
def test_impossible_arguments(kwargs, message):
    with pytest.raises((ValueError, TypeError), match=message):
        OREPAResNet(**{'depth': 18, **kwargs})


@pytest.mark.parametrize('name', ['resnet18_orepa', 'resnet50_orepa'])
def test_official_networks(goldens, name):
    path = goldens / f'{name}.pt'
    if not path.exists():
        pytest.skip('the whole networks are not in the small copy')
    golden = torch.load(path, weights_only=True)
    net = OREPAResNet(golden['arch']['depth'], base_channels=8)
    net.load_state_dict(convert(golden['state_dict']))
    fused = mmrep.fuse(net.eval())
    for model in (net, fused):
        for a, b in zip(golden['features'].values(), model(golden['input'])):
            assert relative_difference(a, b) < 1e-5
