"""A block with all norms in eval mode is one convolution, also in training."""
from unittest import mock

import pytest
import torch

import mmrep
from mmrep.nets.walk import branch_by_branch

from .case import norms_of, relative
from .over import over
from .strategies import BRANCHED, cases

DOUBLE = dict(dtypes=[torch.float64], statistics=['random', 'data'])


def frozen_norms(layer):
    """Freeze all norms, as mmdet's default ``norm_eval=True`` does."""
    layer.train()
    for norm in norms_of(layer):
        norm.eval()
    return layer


def gradients(layer, x):
    """Return the output and the gradients of the input and all parameters."""
    x = x.clone().requires_grad_()
    tensors = dict(layer.named_parameters(), x=x)
    out = layer(x)
    cotangent = torch.randn_like(out)
    grads = torch.autograd.grad(out, tensors.values(), cotangent)
    return dict(zip(tensors, grads), out=out.detach())


def by_one_conv(layer, x):
    with mock.patch.object(
            type(layer), 'forward_branches', side_effect=AssertionError):
        return gradients(layer, x)


def check_gradients(layer, x):
    torch.manual_seed(0)
    found = by_one_conv(layer, x)
    torch.manual_seed(0)
    with branch_by_branch(layer):
        expected = gradients(layer, x)
    assert found.keys() == expected.keys()
    largest = max(g.abs().max() for g in expected.values())
    for name, grad in expected.items():
        error = (found[name] - grad).abs().max()
        assert error <= 1e-9 * max(grad.abs().max(), 1e-3 * largest), name


@over(300, case=cases(**DOUBLE))
def test_gradients(case):
    check_gradients(frozen_norms(case.build()), case.image())


@over(100, case=cases(layers=BRANCHED, **DOUBLE))
def test_gradients_of_1x1_kxk(case):
    # its padding value has a gradient of its own
    options = dict(branches=['1x1_kxk'], norms=['branches'])
    shape = dict(case.shape, padding_mode='zeros')
    case = case._replace(options=options, shape=shape)
    check_gradients(frozen_norms(case.build()), case.image())


@over(60, case=cases(layers=BRANCHED, statistics=['random']))
def test_batch_statistics_run_the_branches(case):
    layer, x = case.build(), case.image()
    norms = [n for n in norms_of(layer) if not is_sync(n)]
    if not norms:
        return
    norms[0].train()
    before = norms[0].running_mean.clone()
    with torch.no_grad():
        layer(x)
    assert not torch.equal(norms[0].running_mean, before)


def is_sync(norm):
    return isinstance(norm, torch.nn.SyncBatchNorm)


@over(60, case=cases(layers=BRANCHED, **DOUBLE))
def test_a_step_moves_the_block_as_its_branches(case):
    moved, x = [], case.image()
    for run in (by_one_conv, by_branches):
        layer = frozen_norms(case.build())
        torch.manual_seed(0)
        grads = run(layer, x)
        with torch.no_grad():
            for name, parameter in layer.named_parameters():
                parameter.sub_(1e-3 * grads[name])
            moved.append(layer(x))
    assert relative(*moved) < 1e-9


def by_branches(layer, x):
    with branch_by_branch(layer):
        return gradients(layer, x)


@pytest.mark.parametrize('cls', BRANCHED)
def test_one_convolution_sees_the_image(cls):
    layer, x = frozen_norms(cls(4, 4, 3, padding=1)), torch.randn(3, 4, 9, 9)
    seen = []
    conv = mmrep.layers.geometry.F.conv2d

    def counted(x, *args):
        seen.append(tuple(x.shape))
        return conv(x, *args)

    with mock.patch.object(mmrep.layers.geometry.F, 'conv2d', counted):
        with torch.no_grad():
            layer(x)
    assert seen.count((3, 4, 9, 9)) == 1
