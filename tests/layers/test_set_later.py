"""Geometry that hosts set on a block after it was made."""
import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import mmrep
from mmrep.errors import UserError
from mmrep.layers.geometry import GEOMETRY
from mmrep.testing import randomize_norms

SEVEN = ('1x1', '1x1_kxk', '1x1_average', '1xk', 'kx1', 'identity')
INNER = dict(type='DBBConv2d', branches=SEVEN)
NESTED = dict(
    branches={
        **dict.fromkeys(SEVEN, {}), '1x1_kxk': dict(second=INNER)
    },
    kxk=dict(type='DBBConv2d', branches=SEVEN, kxk=INNER))
KINDS = {
    'OREPA': lambda *a, **k: mmrep.OREPAConv2d(*a, **k),
    'DBB': lambda *a, **k: mmrep.DBBConv2d(*a, branches=SEVEN, **k),
    'nested': lambda *a, **k: mmrep.DBBConv2d(*a, **NESTED, **k),
    'ACB': mmrep.ACBConv2d,
    'Branched': mmrep.BranchedConv2d,
    'RepVGG': mmrep.RepVGGConv2d,
    'QARepVGG': mmrep.QARepVGGConv2d,
    'OREPAVGG': mmrep.OREPAVGGConv2d,
    'MobileOne': mmrep.MobileOneConv2d,
    'LargeKernel': mmrep.LargeKernelConv2d,
}
# hosts write a pair, a number or a word
LATER = [
    dict(dilation=(2, 2), padding=(2, 2)),
    dict(dilation=2, padding=2),
    dict(padding=(0, 3)),
    dict(padding='same', dilation=[3, 1]),
    dict(stride=(2, 1)),
    dict(stride=2, padding=0),
    dict(padding_mode='reflect'),
    dict(padding_mode='circular', padding=2, dilation=2, stride=2),
]
IMAGE = torch.randn(2, 4, 9, 10, dtype=torch.float64)
over_kinds = pytest.mark.parametrize('kind', KINDS)
over_later = pytest.mark.parametrize('later', LATER, ids=str)


def make(kind, **options):
    torch.manual_seed(0)
    layer = KINDS[kind](4, 4, 3, **{**dict(padding=1), **options}).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return randomize_norms(layer)


def formula(kernel, stride=1, padding=1, dilation=1, padding_mode='zeros'):
    stride, dilation = [[v] * 2 if isinstance(v, int) else list(v)
                        for v in (stride, dilation)]
    if padding == 'same':
        padding = dilation  # for 3x3
    rows, columns = [padding] * 2 if isinstance(padding, int) else padding
    mode = dict(zeros='constant').get(padding_mode, padding_mode)
    padded = F.pad(IMAGE, (columns, columns, rows, rows), mode)
    return F.conv2d(padded, *kernel, stride, 0, dilation)


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def set_on(modules, later):
    for module in modules:
        if hasattr(module, 'kernel_size'):
            for name, value in later.items():
                setattr(module, name, value)


@over_later
@over_kinds
def test_formula(kind, later):
    layer = make(kind).eval()
    expected = formula([t.detach() for t in layer.kernel()], **later)
    set_on([layer], later)
    everywhere = make(kind).eval()
    set_on(everywhere.modules(), later)
    for each in (layer, everywhere, copy.deepcopy(layer),
                 pickle.loads(pickle.dumps(layer))):
        close(each(IMAGE), expected)
        close(each.forward_branches(IMAGE), expected)
        close(each.fuse()(IMAGE), expected)


@over_later
def test_while_kernels_are_kept(later):
    layer = make('DBB').eval()
    with mmrep.keep_kernels(layer), torch.no_grad():
        close(layer(IMAGE), formula(layer.kernel()))
        set_on([layer], later)
        close(layer(IMAGE), formula(layer.kernel(), **later))


@over_later
@over_kinds
def test_as_if_made_so(kind, later):
    """A block set later equals one made so; a stride removes the identity."""
    layer = make(kind)
    set_on(layer.modules(), later)
    made = make(kind, **later)
    if [*made.state_dict()] == [*layer.state_dict()]:
        made.load_state_dict(layer.state_dict())
        close(layer(IMAGE), made(IMAGE))
        close(layer.eval()(IMAGE), made.eval()(IMAGE))
    else:
        assert 'stride' in later
        assert layer(IMAGE).shape == made(IMAGE).shape


@over_later
def test_branches_that_are_there_stay(later):
    layer = make('nested').eval()
    before = layer.config()
    expected = formula([t.detach() for t in layer.kernel()], **later)
    set_on([layer], later)
    layer.set_options(**layer.options())
    assert layer.config() == before
    close(layer(IMAGE), expected)


@over_later
@pytest.mark.parametrize('kind', ['DBB', 'nested', 'OREPA'])
def test_plain_weights_and_inner_blocks(kind, later):
    """Blocks that are put inside later have the same geometry."""
    plain = nn.Conv2d(4, 4, 3, padding=1).double()
    layer = make(kind).eval()
    set_on([layer], later)
    layer.load_state_dict(plain.state_dict())
    expected = formula([plain.weight, plain.bias], **later)
    close(layer.forward_branches(IMAGE), expected)
    if kind == 'DBB':
        layer.nest('kxk').set_options(('1x1', ), ('kxk', ))
        layer.nest('second').set_options(('1x1', ), ('kxk', ))
        close(layer.eval().forward_branches(IMAGE), layer(IMAGE))


@pytest.mark.parametrize('later', LATER[:-1], ids=str)
@over_kinds
def test_of_a_plain_convolution(kind, later):
    conv = nn.Conv2d(4, 4, 3, padding=1).double()
    set_on([conv], later)
    expected = conv(IMAGE)
    net = nn.Sequential(conv, nn.Conv2d(4, 1, 1)).eval()
    layer = mmrep.reparameterize(net, type(make(kind)))[0]
    close(layer(IMAGE), expected)
    close(layer.forward_branches(IMAGE), expected)


def test_of_a_plain_convolution_that_pads_as_it_was_made():
    """PyTorch keeps a copy of the padding unless the mode is zeros."""
    conv = nn.Conv2d(4, 4, 3, padding=1, padding_mode='reflect')
    conv.padding = (2, 2)
    with pytest.raises(TypeError, match=r'`padding` \(=\(2, 2\)\)'):
        mmrep.DBBConv2d.from_conv(conv)
    conv.padding = 1
    assert mmrep.DBBConv2d.from_conv(conv).padding == (1, 1)


@pytest.mark.parametrize(
    'change', [
        dict(groups=2),
        dict(in_channels=3),
        dict(kernel_size=(5, 5)),
        dict(weight=nn.Parameter(torch.ones(4, 1, 3, 3)))
    ],
    ids=str)
def test_of_a_plain_convolution_with_another_weight(change):
    conv = nn.Conv2d(4, 4, 3)
    for name, value in change.items():
        setattr(conv, name, value)
    with pytest.raises(TypeError, match='a weight of another shape'):
        mmrep.DBBConv2d.from_conv(conv)


@pytest.mark.parametrize('name, value', [
    ('groups', 2),
    ('in_channels', 8),
    ('out_channels', 8),
    ('kernel_size', 5),
    ('stride', 0),
    ('stride', (1, 1, 1)),
    ('dilation', 1.5),
    ('padding', -1),
    ('padding', 'full'),
    ('padding_mode', 'mirror'),
])
@over_kinds
def test_impossible(kind, name, value):
    layer = make(kind)
    before = {name: getattr(layer, name) for name in GEOMETRY}
    with pytest.raises(UserError, match=rf'`{name}` \(=') as error:
        setattr(layer, name, value)
    assert '\n' not in str(error.value)
    assert {name: getattr(layer, name) for name in GEOMETRY} == before
    setattr(layer, 'groups', 1)  # its own value may be set


def test_what_does_not_go_together():
    layer = make('DBB', padding='same')
    layer.stride = 2
    with pytest.raises(UserError, match=r'`stride` \(=\(2, 2\)\)'):
        layer(IMAGE)
    layer.padding = 1
    assert layer(IMAGE).shape == (2, 4, 5, 5)
