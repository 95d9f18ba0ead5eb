"""Scales and shifts of many norms, by the formula of each."""
import torch
from torch import nn

from mmrep.testing import randomize_norms
from mmrep.together.affines import Affines
from mmrep.together.alike import affine_of

EPS = (1e-5, 1e-2, 0.3)


def rows():
    """Return two rows of norms, which differ in width and eps."""
    found = [[nn.BatchNorm2d(4, eps=e) for e in EPS],
             [nn.BatchNorm2d(3, eps=e) for e in EPS[:2]]]
    for i, norms in enumerate(found):
        randomize_norms(nn.ModuleList(norms), i)
    return [[norm.double().eval() for norm in norms] for norms in found]


def by_formula(norm):
    mean, var, weight, bias = affine_of(norm)
    scale = weight / (var + norm.eps).sqrt()
    return scale, bias - mean * scale


def made(norms):
    flat = [affine_of(norm) for row in norms for norm in row]
    values = [torch.cat(column).detach() for column in zip(*flat)]
    return Affines(norms, range(4), values), values


def test_scales_and_shifts():
    norms = rows()
    affines, values = made(norms)
    assert affines.start == 4 and affines.end == 8 == len(values)
    for i, row in enumerate(norms):
        for j, norm in enumerate(row):
            for found, expected in zip(values[4 + 2 * i:], by_formula(norm)):
                torch.testing.assert_close(
                    found[j], expected, rtol=1e-14, atol=1e-14)


def gradients(norms, drop=()):
    """Return gradients by autograd, and those that the stage adds."""
    affines, values = made(norms)
    grads, total = [None] * len(values), 0
    torch.manual_seed(0)
    for i, row in enumerate(norms):
        for k in range(2):
            if (i, k) in drop:
                continue
            grad = torch.randn_like(values[4 + 2 * i + k])
            grads[4 + 2 * i + k] = grad
            for j, norm in enumerate(row):
                total += (by_formula(norm)[k] * grad[j]).sum()
    affines.pull(values, grads)
    flat = [norm for row in norms for norm in row]
    if not drop or len(drop) < 4:
        total.backward()
    return grads, flat


def test_gradients():
    for drop in ((), ((0, 0), ), ((0, 1), (1, 0))):
        grads, flat = gradients(rows(), drop)
        for place, name in ((2, 'weight'), (3, 'bias')):
            zeros = torch.zeros_like
            expected = torch.cat([
                zeros(getattr(n, name))
                if getattr(n, name).grad is None else getattr(n, name).grad
                for n in flat
            ])
            torch.testing.assert_close(
                grads[place], expected, rtol=1e-13, atol=1e-13)
        assert grads[:2] == [None, None]


def test_without_gradients():
    norms = rows()
    assert gradients(norms, [(0, 0), (0, 1), (1, 0), (1, 1)])[0] == [None] * 8
    for row in norms:
        for norm in row:
            norm.requires_grad_(False)
    affines, values = made(norms)
    grads = [None] * 4 + [torch.ones_like(v) for v in values[4:]]
    affines.pull(values, grads)
    assert grads[:4] == [None] * 4
