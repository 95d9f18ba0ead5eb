"""Making built models rich: what is chosen, kept and refused."""
import pytest
import torch
from mmcv.cnn import ConvModule
from mmcv.cnn.bricks.wrappers import Conv2d as WrappedConv2d
from mmengine.registry import MODELS, init_default_scope
from torch import nn

import mmrep
from mmrep import ACBConv2d, DBBConv2d, RepConv2d
from mmrep.deploy import relative_difference
from mmrep.testing import randomize_norms


class Net(nn.Module):
    """A net with shared modules, an alias and several sorts of convolution."""

    def __init__(self):
        super().__init__()
        shared = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.stem = nn.Conv2d(3, 4, 7, padding=3)
        self.levels = nn.ModuleList(
            nn.Sequential(shared, nn.BatchNorm2d(4)) for _ in range(2))
        self.alias = shared
        self.point = nn.Conv2d(4, 4, 1)
        self.wrapped = WrappedConv2d(4, 4, (1, 3), padding=(0, 1))

    def forward(self, x):
        x = self.stem(x)
        for level in self.levels:
            x = level(x)
        return self.wrapped(self.point(self.alias(x)))


@pytest.fixture
def net():
    torch.manual_seed(0)
    return randomize_norms(Net()).eval()


def rich(net):
    return {n for n, m in net.named_modules() if isinstance(m, RepConv2d)}


def test_computes_the_same_and_fuses_back(net):
    x = torch.randn(2, 3, 12, 12)
    expected = net(x)
    parameters = dict(net.named_parameters())
    assert mmrep.reparameterize(net, 'DBBConv2d') is net
    assert rich(net) == {'stem', 'levels.0.0', 'point', 'wrapped'}
    assert relative_difference(expected, net(x)) < 1e-5
    after = dict(net.named_parameters())
    assert all(after[name] is p for name, p in parameters.items())
    randomize_norms(net)
    fused = mmrep.fuse(net)
    assert not rich(fused)
    assert relative_difference(net(x), fused(x)) < 1e-5


def test_shared_modules_stay_shared(net):
    mmrep.reparameterize(net, 'ACBConv2d', include='alias')
    layers = [net.alias, *(level[0] for level in net.levels)]
    assert len(set(layers)) == 1 and type(layers[0]) is ACBConv2d


@pytest.mark.parametrize('kwargs, expected', [
    (dict(include='levels'), {'levels.0.0'}),
    (dict(include='levels.1'), {'levels.0.0'}),
    (dict(include=['st*', 'p?int']), {'stem', 'point'}),
    (dict(exclude='levels'), {'stem', 'point', 'wrapped'}),
    (dict(kernel_size=3), {'levels.0.0'}),
    (dict(kernel_size=(1, 3)), {'wrapped'}),
    (dict(kernel_size=[1, (7, 7)]), {'stem', 'point'}),
    (dict(include=['stem', 'alias'], kernel_size=[3]), {'levels.0.0'}),
])
def test_choosing(net, kwargs, expected):
    mmrep.reparameterize(net, 'DBBConv2d', **kwargs)
    assert rich(net) == expected


def test_what_a_module_had_is_kept(net):
    net.to(torch.float64, memory_format=torch.channels_last)
    net.levels.requires_grad_(False)
    net.point.train()  # the mode of a convolution says nothing
    mmrep.reparameterize(net, dict(type='MobileOneConv2d', num_convs=2))
    layer = net.levels[0][0]
    assert not any(p.requires_grad for p in layer.parameters())
    assert all(p.requires_grad for p in net.stem.parameters())
    assert all(t.dtype == torch.float64 for t in net.state_dict().values()
               if t.is_floating_point())
    kernel = net.stem.branches['kxk_1'].weight
    assert kernel.is_contiguous(memory_format=torch.channels_last)
    fused = mmrep.fuse(net).stem.weight
    assert fused.is_contiguous(memory_format=torch.channels_last)
    assert not net.point.training and not net.stem.training
    assert not net.point.norm.training and not net.stem.norm.training


def test_the_mode_is_that_of_the_place():
    plain = nn.Sequential(
        nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)),
        nn.Sequential(nn.Conv2d(4, 4, 3)))
    plain[0][1].eval()  # hosts do so with `norm_eval`
    net = mmrep.reparameterize(plain, 'DBBConv2d')
    assert net[1][0].training and net[1][0].norm.training
    assert not any(norm.training for norm in net[0][0].norms_inside())
    plain = nn.Sequential(nn.Conv2d(4, 4, 3)).eval()
    plain[0] = nn.Conv2d(4, 4, 3)  # a host's `switch_to_deploy` does so
    x = torch.randn(2, 4, 9, 9)
    expected = plain(x)
    net = mmrep.reparameterize(plain, 'DBBConv2d')
    torch.testing.assert_close(net(x), expected)
    assert (net[0].norm.running_mean == 0).all()


def test_again_says_what_is_there():
    net = mmrep.reparameterize(nn.Sequential(nn.Conv2d(4, 4, 3)), 'DBBConv2d')
    with pytest.raises(mmrep.UserError, match="'0' is a DBBConv2d already"):
        mmrep.reparameterize(net, 'DBBConv2d')


def test_the_root_may_be_a_convolution():
    conv = nn.Conv2d(3, 4, 3)
    layer = mmrep.reparameterize(conv, DBBConv2d)
    assert type(layer) is DBBConv2d and layer.weight is conv.weight


REFUSED = {
    'transposed': (nn.ConvTranspose2d(4, 4, 2), 'is a transposed convolution'),
    'other': (nn.Conv1d(4, 4, 3), 'is a Conv1d, no plain nn.Conv2d'),
    'normed': (nn.utils.spectral_norm(nn.Conv2d(4, 4, 3)),
               'computes its weight from something else'),
    'parametrized': (nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3)),
                     'is a ParametrizedConv2d'),
    'lazy': (nn.LazyConv2d(4, 3), 'is a LazyConv2d, no plain nn.Conv2d'),
    'rich': (DBBConv2d(4, 4, 3), 'is a DBBConv2d already'),
}


def deformable():
    from mmcv.ops import ModulatedDeformConv2dPack
    return ModulatedDeformConv2dPack(4, 4, 3)


@pytest.mark.parametrize('name', [*REFUSED, 'deformable', 'hooked'])
def test_what_cannot_be_made_rich(net, name):
    if name == 'deformable':
        module, reason = deformable(), 'is a deformable convolution'
    elif name == 'hooked':
        module, reason = nn.Conv2d(4, 4, 3), 'has hooks that would be lost'
        module.register_forward_hook(lambda *args: None)
    else:
        module, reason = REFUSED[name]
    net.extra = module
    before = dict(net.named_modules())
    for include in ('*', 'extra'):
        with pytest.raises(TypeError, match=f"'extra' {reason}"):
            mmrep.reparameterize(net, 'OREPAConv2d', include=include)
    assert dict(net.named_modules()) == before
    mmrep.reparameterize(net, 'OREPAConv2d')  # all that can be rich
    assert net.extra is module and isinstance(net.stem, RepConv2d)


@pytest.mark.parametrize('kwargs, message', [
    (dict(type='FooConv2d'), r"`type` \(='FooConv2d'\) must be one of \['ACB"),
    (dict(type='Conv2d'), r"`type` \(='Conv2d'\) must be one of"),
    (dict(include='neck'), "'neck' matches no convolution of this Net, whose "
     r"convolutions have names such as \['stem', 'levels.0.0', 'point'\]"),
    (dict(exclude='lev'), "'lev' matches no convolution"),
    (dict(kernel_size=9), r'`kernel_size` \(=9\)'),
    (dict(exclude='*'), r"`exclude` \(=\['\*'\]\)"),
    (dict(type=dict(type='DBBConv2d', branches='avg')), "'avg'"),
    (dict(type=dict(branches='1x1')), 'must be a layer or name one'),
])
def test_bad_arguments_change_nothing(net, kwargs, message):
    before = dict(net.named_modules())
    with pytest.raises(ValueError, match=message):
        mmrep.reparameterize(net, **{'type': 'DBBConv2d', **kwargs})
    assert dict(net.named_modules()) == before


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmpretrain'])
def test_by_config(scope):
    init_default_scope(scope)
    backbone = MODELS.build(
        dict(
            type='Reparameterized',
            model=dict(type='ResNet', depth=18, base_channels=8),
            conv=dict(type='DBBConv2d', branches=['1x1']),
            include='layer?',
            kernel_size=3,
            frozen_stages=1))
    assert len(rich(backbone)) == 16 and backbone.frozen_stages == 1
    assert type(backbone).__name__ == 'ResNet'
    backbone.init_weights()
    backbone.eval()
    assert backbone(torch.randn(1, 3, 32, 32))


def test_offsets_of_deformable_convolutions_stay_plain():
    net = nn.Sequential(nn.Conv2d(4, 4, 3), deformable())
    mmrep.reparameterize(net, 'DBBConv2d')
    assert type(net[1].conv_offset) is nn.Conv2d and rich(net) == {'0'}
    with pytest.raises(TypeError, match="'1.conv_offset' computes the offs"):
        mmrep.reparameterize(net, 'DBBConv2d', include='1.conv_offset')


def test_a_wrapped_model_keeps_its_own_preprocessor():
    init_default_scope('mmseg')
    own = dict(type='SegDataPreProcessor', mean=[1, 2, 3], std=[1, 1, 1])
    other = dict(type='SegDataPreProcessor', mean=[9, 9, 9], std=[1, 1, 1])
    model = dict(
        type='EncoderDecoder',
        backbone=dict(type='ResNet', depth=18, base_channels=8),
        decode_head=dict(
            type='FCNHead', in_channels=64, channels=8, num_classes=2))
    for given, mean in ((dict(data_preprocessor=own), 1), ({}, 9)):
        built = MODELS.build(
            dict(
                type='Reparameterized',
                model={
                    **model,
                    **given
                },
                conv='ACBConv2d',
                include='backbone',
                data_preprocessor=other))
        assert built.data_preprocessor.mean.flatten()[0] == mean


def test_host_modules():
    module = ConvModule(4, 4, 3, norm_cfg=dict(type='BN'))
    mmrep.reparameterize(module, 'RepVGGConv2d')
    assert module(torch.randn(2, 4, 8, 8)).shape == (2, 4, 6, 6)


def test_a_conv_that_two_norms_follow():
    conv = nn.Conv2d(4, 4, 3, padding=1)
    net = nn.Sequential(conv, nn.BatchNorm2d(4), conv, nn.BatchNorm2d(4))
    net.eval()[1].train()
    rich = mmrep.reparameterize(net, 'DBBConv2d')
    assert not any(norm.training for norm in rich[0].norms_inside())


def test_a_norm_that_was_made_in_an_eval_net():
    net = nn.Sequential(nn.Conv2d(4, 4, 3)).eval()
    net.append(nn.BatchNorm2d(4))  # in training mode, as all new modules
    rich = mmrep.reparameterize(net, 'DBBConv2d')
    assert not any(norm.training for norm in rich[0].norms_inside())


ODD = [
    (dict(include=3), r"a pattern \(=3\) must be a name of modules"),
    (dict(exclude=[3]), r'a pattern \(=\[3\]\) must be a name of modules'),
    (dict(include=''), r"a pattern \(=''\) must be a name of modules"),
    (dict(kernel_size=3.0), r'`kernel_size` \(=3.0\) must be a size, 3 or'),
    (dict(kernel_size=[None]), r'`kernel_size` \(=\[None\]\) must be a size'),
    (dict(type=dict(type='DBBConv2d', in_channels=3)),
     "DBBConv2d does not take 'in_channels'"),
    (dict(type=dict(type='DBBConv2d', foo=1)), "does not take 'foo'"),
]


@pytest.mark.parametrize('options, message', ODD)
def test_odd_arguments(options, message):
    net = nn.Sequential(nn.Conv2d(4, 4, 3))
    with pytest.raises(mmrep.UserError, match=message):
        mmrep.reparameterize(net, **{'type': 'DBBConv2d', **options})
    assert type(net[0]) is nn.Conv2d


@pytest.mark.parametrize('model', [None, 3, 'x', {}, [], nn.Conv2d], ids=str)
def test_no_model(model):
    for verb in (mmrep.structure, lambda m: mmrep.restructure(m, {}),
                 lambda m: mmrep.reparameterize(m, 'DBBConv2d'),
                 lambda m: mmrep.keep_kernels(m).__enter__()):
        with pytest.raises(mmrep.UserError, match=r'must be a torch\.nn\.Mod'):
            verb(model)


def test_backward_hooks_would_be_lost():
    net = nn.Sequential(nn.Conv2d(4, 4, 3))
    net[0].register_full_backward_hook(lambda *_: None)
    with pytest.raises(TypeError, match='has hooks that would be lost'):
        mmrep.reparameterize(net, 'DBBConv2d', include='0')
