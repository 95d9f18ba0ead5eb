"""torch.func and forward-mode AD work on layers with their own rules."""
import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.func import (functional_call, functionalize, grad, hessian, jacfwd,
                        jacrev, jvp, vmap)

import mmrep
from mmrep.deploy import relative_difference
from mmrep.errors import UserError
from mmrep.testing import randomize_norms

KINDS = [('OREPAConv2d', 3), ('OREPAConv2d', 1), ('OREPAConv2d', 7),
         ('OREPAVGGConv2d', 3), ('DBBConv2d', 3)]
IMAGE = torch.randn(2, 4, 8, 8, dtype=torch.float64)
STEP = 1e-5


@pytest.fixture(params=KINDS, ids=str)
def layer(request):
    name, size = request.param
    torch.manual_seed(0)
    layer = getattr(mmrep, name)(
        4, 4, size, padding=size // 2, groups=2, dtype=torch.float64)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    return randomize_norms(layer).eval()


@pytest.fixture
def values(layer):
    return {name: p.detach() for name, p in layer.named_parameters()}


@pytest.fixture
def directions(values):
    torch.manual_seed(1)
    return {name: torch.randn_like(value) for name, value in values.items()}


def loss_of(layer):
    return lambda values: functional_call(layer, values, IMAGE).square().sum()


def moved(values, directions, step):
    return {name: v + step * directions[name] for name, v in values.items()}


def difference(function, values, directions):
    """Compute the derivative by central differences."""
    ahead = function(moved(values, directions, STEP))
    return (ahead - function(moved(values, directions, -STEP))) / (2 * STEP)


def test_forward_mode(layer, values, directions):
    loss = loss_of(layer)
    expected = difference(loss, values, directions)
    _, found = jvp(loss, (values, ), (directions, ))
    assert relative_difference(expected, found) < 1e-6
    with forward_ad.dual_level():
        dual = {
            name: forward_ad.make_dual(value, directions[name])
            for name, value in values.items()
        }
        found = forward_ad.unpack_dual(loss(dual)).tangent
    assert relative_difference(expected, found) < 1e-6


def test_forward_mode_of_the_image(layer):
    direction = torch.randn_like(IMAGE)
    _, found = jvp(layer, (IMAGE, ), (direction, ))
    # the layer is affine
    expected = layer(IMAGE + direction) - layer(IMAGE)
    assert relative_difference(expected, found) < 1e-10


def test_hessians(layer, values, directions):
    loss, name = loss_of(layer), next(reversed(values))

    def slope(part):
        return grad(lambda p: loss({**values, name: p}))(part).flatten()

    start = values[name]
    expected = (slope(start + STEP * directions[name]) -
                slope(start - STEP * directions[name])) / (2 * STEP)

    def of_part(part):
        return loss({**values, name: part})

    for second in (hessian, lambda f: jacrev(jacrev(f)),
                   lambda f: jacfwd(jacrev(f))):
        found = second(of_part)(start).reshape(start.numel(), -1)
        found = found @ directions[name].flatten()
        assert relative_difference(expected, found) < 1e-5


def test_functionalized(layer, values):
    loss = loss_of(layer)
    expected, slopes = loss(values), grad(loss)(values)
    assert relative_difference(expected, functionalize(loss)(values)) < 1e-10
    for name, found in functionalize(grad(loss))(values).items():
        assert relative_difference(slopes[name], found) < 1e-10


def test_gradients_of_each_image(layer, values):

    def loss(values, x):
        return functional_call(layer, values, (x[None], )).square().sum()

    found = vmap(grad(loss), (None, 0))(values, IMAGE)
    for i, x in enumerate(IMAGE):
        parameters = list(layer.parameters())
        expected = torch.autograd.grad(
            layer(x[None]).square().sum(), parameters)
        for name, each in zip(values, expected):
            assert relative_difference(each, found[name][i]) < 1e-10


def test_many_gradients_at_once(layer):
    parameters = list(layer.parameters())
    out = layer(IMAGE)
    many = torch.randn(3, *out.shape, dtype=out.dtype)

    def gradients(seed):
        return torch.autograd.grad(out, parameters, seed, retain_graph=True)

    together, apart = vmap(gradients)(many), map(gradients, many)
    for i, each in enumerate(apart):
        for expected, found in zip(each, together):
            assert relative_difference(expected, found[i]) < 1e-10


def test_tangents_of_gradients(layer):
    """Forward-mode AD runs over the backward of an earlier pass."""
    parameters, out = list(layer.parameters()), layer(IMAGE)
    seed, tangent = torch.randn(2, *out.shape, dtype=out.dtype)
    expected = torch.autograd.grad(out, parameters, tangent, retain_graph=True)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(seed, tangent)
        found = torch.autograd.grad(out, parameters, dual)
        found = [forward_ad.unpack_dual(each).tangent for each in found]
    for one, other in zip(expected, found):
        assert relative_difference(one, other) < 1e-10


def test_batches_of_torch_autograd(layer):
    """OREPA refuses such batches and names what works."""
    out = layer(IMAGE)
    many = torch.stack([torch.ones_like(out), 2 * torch.ones_like(out)])

    def gradients():
        return torch.autograd.grad(
            out, list(layer.parameters()), many, is_grads_batched=True)

    if type(layer) is mmrep.DBBConv2d:
        assert all(len(each) == 2 for each in gradients())
        return
    with pytest.raises(UserError, match=r'torch\.func\.vmap') as error:
        gradients()
    assert '\n' not in str(error.value)
