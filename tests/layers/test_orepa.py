"""OREPA agrees with features branch by branch, and with official outputs."""
import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import nn

from mmrep import DBBConv2d, OREPAConv2d
from mmrep import kernel as K
from mmrep.checkpoints import convert
from mmrep.deploy import relative_difference

BLOCKS = [
    'orepa_1x1_expand', 'orepa_1x1_reduce_s2', 'orepa_3x3', 'orepa_3x3_g2',
    'orepa_3x3_s2_expand', 'orepa_7x7_s2'
]
GEOMETRIES = [
    dict(kernel_size=3, padding=1),
    dict(kernel_size=3, padding=1, stride=2, groups=2),
    dict(kernel_size=3, padding=2, dilation=2, groups=8),
    dict(kernel_size=(3, 5), padding=(1, 2)),
]


def randomized(layer):
    torch.manual_seed(0)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return layer


def features(layer, x):
    """Compute each branch by convolutions, for interior pixels only."""
    options = dict(stride=layer.stride, dilation=layer.dilation)
    g, b = layer.groups, layer.branches
    height, width = layer.kernel_size
    taps = torch.ones(layer.out_channels, 1, height, width, dtype=x.dtype)
    depth = layer.out_channels
    centre = x[:, :, layer.dilation[0] * (height // 2):x.size(2) -
               layer.dilation[0] * (height // 2), layer.dilation[1] *
               (width // 2):x.size(3) - layer.dilation[1] * (width // 2)]
    channels = b['1x1_kxk'].first.size(0)
    eye = torch.zeros_like(b['1x1_kxk'].first)
    for i in range(channels):
        eye[i, i % eye.size(1)] = 1
    return {
        'origin':
        F.conv2d(x, layer.weight, groups=g, **options),
        'average':
        F.conv2d(
            F.conv2d(x, b['average'].weight, groups=g),
            taps / (height * width),
            groups=depth,
            **options),
        'prior':
        F.conv2d(
            F.conv2d(x, b['prior'].weight, groups=g),
            b['prior'].filters,
            groups=depth,
            **options),
        '1x1_kxk':
        F.conv2d(
            F.conv2d(x, eye + b['1x1_kxk'].first, groups=g),
            b['1x1_kxk'].second,
            groups=g,
            **options),
        '1x1':
        F.conv2d(centre, b['1x1'].weight, stride=layer.stride, groups=g),
        'separable':
        F.conv2d(
            F.conv2d(
                x,
                b['separable'].depthwise,
                groups=layer.in_channels,
                **options),
            b['separable'].pointwise,
            groups=g),
    }


@pytest.mark.parametrize('geometry', GEOMETRIES, ids=str)
@pytest.mark.parametrize('scaling', ['vector', 'scalar', 'none'])
def test_sum_of_branches(geometry, scaling):
    layer = randomized(
        OREPAConv2d(
            8,
            16,
            **{
                **geometry, 'padding': 0
            },
            bias=False,
            scaling=scaling,
            dtype=torch.float64))
    x = torch.randn(2, 8, 12, 13, dtype=torch.float64)
    scale = torch.ones(6, 1) if layer.scale is None else layer.scale
    expected = sum(s[:, None, None] * f
                   for s, f in zip(scale,
                                   features(layer, x).values()))
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize('groups', [1, 2])
def test_stem_is_a_stack_of_convs(groups):
    layer = randomized(
        OREPAConv2d(4, 8, 7, 2, groups=groups, bias=False).double())
    nn.init.zeros_(layer.weight)
    x = torch.randn(2, 4, 19, 18, dtype=torch.float64)
    out = x
    strides = [1, 1, 2]
    for factor, stride in zip(layer.branches['stem'].factors, strides):
        out = F.conv2d(out, factor.kernel().weight, None, stride, 0, 1, groups)
    torch.testing.assert_close(layer(x), out)


@pytest.mark.parametrize('size, factors', [
    ((7, 7), [(3, 3)] * 3),
    ((7, 1), [(3, 1)] * 3),
    ((9, 5), [(3, 3), (3, 3), (3, 1), (3, 1)]),
    ((8, 7), [(3, 3), (3, 3), (3, 3), (2, 1)]),
])
def test_stem_factors(size, factors):
    layer = OREPAConv2d(3, 8, size)
    kernels = [f.kernel_size for f in layer.branches['stem'].factors]
    assert kernels == factors
    assert layer.kernel().weight.shape == (8, 3, *size)


@pytest.mark.parametrize('in_channels, out_channels', [(8, 4), (4, 8)])
@pytest.mark.parametrize('groups', [1, 2])
def test_rep_1x1(in_channels, out_channels, groups):
    layer = OREPAConv2d(in_channels, out_channels, 1, groups=groups)
    product = layer.branches['product']
    free = product.second if out_channels > in_channels else product.first
    assert torch.equal(product().weight, free)  # the other is the identity
    x = torch.randn(2, in_channels, 5, 6)
    randomized(layer)
    both = F.conv2d(
        F.conv2d(x, product.first, groups=groups),
        product.second,
        groups=groups)
    origin = F.conv2d(x, layer.weight, groups=groups)
    expected = (
        layer.scale[0, :, None, None] * origin +
        layer.scale[1, :, None, None] * both + layer.bias[:, None, None])
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('channels', [8, 7])
def test_frequency_prior_is_the_papers(channels):
    filters = OREPAConv2d(4, channels, 3).branches['prior'].filters
    for i in range(channels):
        for h in range(3):
            for w in range(3):
                at, order = (h, i + 1) if i < channels / 2 else (w, i + 1 -
                                                                 channels / 2)
                expected = math.cos(math.pi * (at + 0.5) * order / 3)
                assert abs(filters[i, 0, h, w].item() - expected) < 1e-6


def test_initial_scales_are_the_papers():
    assert OREPAConv2d(
        8, 8, 3).scale[:, 0].tolist() == [0.25, 0.25, 0.0, 0.5, 1.0, 0.5]
    assert OREPAConv2d(8, 8, 1).scale[:, 0].tolist() == [1.0, 0.5]
    assert OREPAConv2d(8, 8, 7).scale is None


def test_inner_channels_double_beyond_four_groups():
    for groups, channels in ((1, 16), (4, 16), (8, 32)):
        layer = OREPAConv2d(16, 16, 3, groups=groups)
        assert layer.branches['1x1_kxk'].first.size(0) == channels


@pytest.mark.parametrize('groups', [1, 2, 8])
@pytest.mark.parametrize('times', [1, 2, 3])
def test_inner_channels(groups, times):
    """The identity stands once, twice or three times in each group."""
    layer = randomized(
        OREPAConv2d(
            8,
            16,
            3,
            groups=groups,
            bias=False,
            internal_channels=8 * times,
            dtype=torch.float64))
    x = torch.randn(2, 8, 12, 13, dtype=torch.float64)
    expected = sum(s[:, None, None] * f
                   for s, f in zip(layer.scale,
                                   features(layer, x).values()))
    torch.testing.assert_close(layer(x), expected)
    first = layer.branches['1x1_kxk'].first
    assert first.shape == (8 * times, 8 // groups, 1, 1)
    is_rule = times == (1 if groups <= 4 else 2)
    assert layer.options().get('internal_channels') == (None if is_rule else
                                                        8 * times)


def test_inner_channels_are_read_off_weights():
    source = randomized(OREPAConv2d(8, 8, 3, internal_channels=24))
    layer = OREPAConv2d(8, 8, 3)
    kept = layer.branches['separable']
    with pytest.warns(UserWarning, match='taken over the branches'):
        layer.load_state_dict(source.state_dict())
    assert layer.config() == source.config()
    assert layer.branches['separable'] is kept
    x = torch.randn(2, 8, 9, 9)
    torch.testing.assert_close(layer(x), source(x))
    layer.set_options()
    assert layer.options() == OREPAConv2d(8, 8, 3).options()


def test_inner_channels_of_blocks_in_blocks():
    kxk = dict(type='OREPAConv2d', internal_channels=16)
    source = DBBConv2d(8, 8, 3, kxk=kxk)
    layer = DBBConv2d(8, 8, 3)
    with pytest.warns(UserWarning, match='taken over the branches'):
        layer.load_state_dict(source.state_dict())
    assert layer.config() == source.config()
    assert layer.config()['kxk']['internal_channels'] == 16


def test_inner_channels_without_such_a_branch():
    """The option is ignored, since one config serves a whole net."""
    for size in (1, 7):
        layer = OREPAConv2d(8, 8, size, internal_channels=16)
        assert 'internal_channels' not in layer.options()


@pytest.mark.parametrize(
    'names',
    [['origin'], ['prior', '1x1'], ['separable', 'origin', 'average']])
@pytest.mark.parametrize('scaling', ['vector', 'none'])
def test_chosen_branches(names, scaling):
    layer = OREPAConv2d(8, 8, 3, bias=False, branches=names, scaling=scaling)
    assert set(layer.branches) == set(names) - {'origin'}
    has_scale = scaling == 'vector' and len(names) > 1
    assert (layer.scale is not None) == has_scale
    assert isinstance(layer.weight, nn.Parameter) == ('origin' in names)
    conv = nn.Conv2d(8, 8, 3, bias=False)
    layer.load_state_dict(conv.state_dict())
    x = torch.randn(2, 8, 9, 9)
    torch.testing.assert_close(layer(x), conv(x))


def test_stem_with_an_origin():
    layer = OREPAConv2d(4, 8, 7, branches=('stem', 'origin'))
    assert layer.names == ['origin', 'stem']
    assert layer.scale.shape == (2, 8)


@pytest.mark.parametrize('size, options, message', [
    (3, dict(branches=['product']), r"3x3 kernel must be some of .*'origin'"),
    (1, dict(branches=['1x1']), '1x1 kernel must be some of'),
    (3, dict(branches=[]), 'got none'),
    (3, dict(branches=3), r'`branches` \(=3\) of a 3x3 kernel must be'),
    (3, dict(branches=['1x1', 3]), r'must be some of .*, got \[3\]'),
    (3, dict(scaling=None), r'`scaling` \(=None\) must be one of'),
    (3, dict(internal_channels=6), r'`internal_channels` \(=6\) must be a '
     r'multiple of `in_channels` \(=4\)'),
    (3, dict(internal_channels=0), r'`internal_channels` \(=0\) must be'),
    (3, dict(internal_channels=4.), r'`internal_channels` \(=4.0\) must be'),
    (1, dict(internal_channels='8'), r"`internal_channels` \(='8'\) must be"),
    (3, dict(scaling='matrix'), "`scaling` \\(='matrix'\\) must be one of"),
])
def test_unknown_options(size, options, message):
    with pytest.raises(ValueError, match=message):
        OREPAConv2d(4, 4, size, **options)


def test_host_initialisation_leaves_the_branches():

    class Host(BaseModule):

        def __init__(self):
            super().__init__(dict(type='Constant', val=7, layer='Conv2d'))
            self.conv = OREPAConv2d(4, 4, 3)

    host = Host()
    host.init_weights()
    assert not (host.conv.weight == 7).any()
    assert host.conv.branches['1x1_kxk'].first.eq(0).all()
    nn.init.ones_(host.conv.branches['1x1_kxk'].first)
    host.conv.init_weights()
    assert host.conv.branches['1x1_kxk'].first.eq(0).all()


def load_golden(path):
    """Load a golden, and our layer and norm with the official weights."""
    golden = torch.load(path, weights_only=True)
    layer = OREPAConv2d(**golden['kwargs'], bias=False)
    block = nn.Sequential(layer, nn.BatchNorm2d(layer.out_channels))
    block.load_state_dict(place(convert(golden['state_dict'])))
    return golden, block


def place(state_dict):
    return {
        ('1.' + k[3:] if k.startswith('bn.') else '0.' + k): v
        for k, v in state_dict.items()
    }


@pytest.mark.parametrize('name', BLOCKS)
class TestGoldens:
    """The official block's outputs, gradients and fused kernel."""

    def test_eval(self, goldens, name):
        golden, block = load_golden(goldens / f'{name}.pt')
        out = block.eval()(golden['input'])
        torch.testing.assert_close(
            out, golden['output_eval'], rtol=1e-5, atol=1e-5)

    def test_train(self, goldens, name):
        golden, block = load_golden(goldens / f'{name}.pt')
        x = golden['input'].requires_grad_()
        out = block.train()(x)
        torch.testing.assert_close(
            out, golden['output_train'], rtol=1e-5, atol=1e-5)
        (out * golden['cotangent']).sum().backward()
        assert relative_difference(golden['input_grad'], x.grad) < 1e-4
        expected = place(convert(golden['param_grads']))
        for key, parameter in block.named_parameters():
            assert relative_difference(expected[key], parameter.grad) < 1e-4
        after = place(convert(golden['state_dict_after_train_forward']))
        for key, tensor in block.state_dict().items():
            torch.testing.assert_close(tensor, after[key])

    def test_fused_kernel(self, goldens, name):
        golden, block = load_golden(goldens / f'{name}.pt')
        fused = K.fold_norm(block[0].kernel(), block[1])
        for ours, theirs in zip(
                fused, (golden['fused_weight'], golden['fused_bias'])):
            assert relative_difference(theirs, ours) < 1e-6
