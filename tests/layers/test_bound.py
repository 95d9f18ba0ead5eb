"""Functions that a block keeps notice all that changes between two calls."""
import copy
import gc
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize, prune

import mmrep
from mmrep.compat.modules import shallow_copy
from mmrep.layers import Branch, branched, staged
from mmrep.testing import randomize_norms

NAMES = ('1x1', '1x1_kxk', '1x1_average', '1xk', 'identity')
X = torch.randn(2, 4, 6, 7, dtype=torch.float64)


class Negative(nn.Module):

    def forward(self, weight):
        return -weight


@pytest.fixture
def layer():
    """Return a layer that has its functions by now."""
    torch.manual_seed(0)
    layer = mmrep.BranchedConv2d(
        4, 4, 3, padding=1, bias=False, branches=NAMES, dtype=torch.float64)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    randomize_norms(layer).train()(X)
    return layer


def by_modules(layer, x=X):
    """Return what a twin gives module by module, and the twin."""
    twin = copy.deepcopy(layer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(branched, 'is_transformed', lambda layer: True)
        patch.setattr(staged, 'may_recompute', lambda x: False)
        return twin(x), twin


def check(layer, x=X):
    expected, twin = by_modules(layer, x)
    torch.testing.assert_close(layer(x), expected, rtol=1e-12, atol=1e-12)
    for name, buffer in layer.named_buffers():
        torch.testing.assert_close(
            buffer, twin.get_buffer(name), rtol=1e-12, atol=1e-12, msg=name)


def doubled(module, inputs, out):
    return 2 * out


def no_norm(branch):
    branch.norm = None


def new_norm(branch):
    branch.norm = randomize_norms(nn.BatchNorm2d(4).double()).train()


def weight_of(branch):
    return next(name for name, _ in branch.named_parameters(recurse=False))


def new_weight(branch):
    name = weight_of(branch)
    values = torch.randn_like(branch.get_parameter(name))
    setattr(branch, name, nn.Parameter(values))


def negative(branch):
    parametrize.register_parametrization(branch, weight_of(branch), Negative())


def patched_norm(branch):
    branch.norm.forward = lambda x: 3 * x


def patched(branch):
    branch.forward = lambda x, geometry: 3 * x


OF_BRANCHES = [
    lambda branch: branch.norm.eval(),
    lambda branch: setattr(branch.norm, 'momentum', .7),
    lambda branch: setattr(branch.norm, 'momentum', None),
    lambda branch: setattr(branch.norm, 'eps', .5),
    lambda branch: branch.norm.register_forward_hook(doubled),
    lambda branch: branch.register_forward_hook(doubled),
    lambda branch: branch.requires_grad_(False),
    new_norm,
    no_norm,
    patched_norm,
    patched,
]
OF_LAYERS = [
    lambda layer: setattr(layer, 'stride', 2),
    lambda layer: setattr(layer, 'dilation', (2, 1)),
    lambda layer: setattr(layer, 'padding', (2, 0)),
    lambda layer: setattr(layer, 'padding_mode', 'reflect'),
    lambda layer: layer.set_options(NAMES[1:], ('branches', 'sum')),
    lambda layer: layer.branches.pop('identity'),
    lambda layer: layer.nest('second'),
    lambda layer: layer.nest('kxk'),
    new_weight,
    negative,
]


@pytest.mark.parametrize('name', ['1x1', '1x1_kxk', 'identity'])
@pytest.mark.parametrize('change', OF_BRANCHES)
def test_changes_of_a_branch(layer, change, name):
    change(layer.branches[name])
    check(layer)
    check(layer)


@pytest.mark.parametrize('name', ['1x1', '1x1_kxk', '1x1_average'])
@pytest.mark.parametrize('change', [new_weight, negative])
def test_changes_of_a_weight(layer, change, name):
    before = copy.deepcopy(layer)(X)
    change(layer.branches[name])
    assert not before.equal(copy.deepcopy(layer)(X))
    check(layer)


@pytest.mark.parametrize('name', ['1x1', '1x1_kxk'])
def test_a_pruned_weight(layer, name):
    """It is no parameter any more, but an attribute that a hook sets."""
    twin, branch = copy.deepcopy(layer), layer.branches[name]
    weight = weight_of(branch)
    prune.l1_unstructured(branch, weight, .5)
    with torch.no_grad():
        twin.branches[name].get_parameter(weight).copy_(
            getattr(branch, weight))
    torch.testing.assert_close(layer(X), twin(X), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize('change', OF_LAYERS)
def test_changes_of_a_layer(layer, change):
    change(layer)
    check(layer)
    check(layer)


def test_blocks_inside_follow_the_geometry(layer):
    layer.nest('second')
    layer.nest('kxk')
    layer(X)
    layer.stride = 2
    check(layer)


@pytest.mark.parametrize('name', ['1x1', '1x1_kxk', 'identity'])
@pytest.mark.parametrize('method', ['forward', 'normed'])
def test_subclasses_run_as_they_are(layer, name, method):
    layer, expected = copy.deepcopy(layer), copy.deepcopy(layer)
    expected.branches[name].register_forward_hook(doubled)
    branch = layer.branches[name]
    own = getattr(type(branch), method)
    branch.__class__ = type('Double', (type(branch), ),
                            {method: lambda *args: 2 * own(*args)})
    torch.testing.assert_close(layer(X), expected(X))


def test_no_branch_is_called(layer, monkeypatch):
    monkeypatch.setattr(Branch, '__call__', None)
    layer(X)
    layer.branches['1x1'].register_forward_hook(doubled)
    with pytest.raises(TypeError):
        layer(X)


def test_a_hook_on_all_modules_sees_branches(layer):
    seen = []
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, *args: seen.append(module))
    try:
        layer(X)
    finally:
        handle.remove()
    assert {*layer.branches.values(), *layer.norms_inside()} < {*seen}


@pytest.mark.skipif(
    torch.__version__.startswith(('2.1.', '2.2.')),
    reason='that compiler reads no properties of named tuples')
def test_a_compiler_follows():
    layer = mmrep.RepVGGConv2d(4, 4, 3, padding=1, dtype=torch.float64)
    layer(X)
    twin = copy.deepcopy(layer)
    compiled = torch.compile(layer, backend='eager', fullgraph=True)
    torch.testing.assert_close(compiled(X), twin(X), rtol=1e-12, atol=1e-12)
    check(layer)


def test_copies_have_their_own(layer):
    twin = copy.deepcopy(layer)
    nn.init.normal_(twin.branches['1x1'].weight)
    assert not twin(X).equal(layer(X))
    shallow = shallow_copy(layer)
    shallow.branches = nn.ModuleDict({'1x1': twin.branches['1x1']})
    for each in (shallow, layer, shallow):
        check(each)


def test_replicas_have_their_own(layer):
    replica = layer._replicate_for_data_parallel()
    replica.branches = nn.ModuleDict()
    replica.weight, replica.bias = layer.weight, None
    expected = layer.norm(F.conv2d(X, layer.weight, padding=1))
    torch.testing.assert_close(replica(X), expected)
    there = weakref.ref(replica)
    del replica
    gc.collect()
    assert there() is None
    check(layer)
