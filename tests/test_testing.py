"""Randomised norms are far from fresh; what waits for a GPU is refused."""
import numpy as np
import pytest
import torch
from torch import nn

from mmrep.testing import Waited, randomize_norms, refuses_waiting


def test_randomize_norms():
    norms = [nn.Sequential(nn.BatchNorm2d(8), nn.ReLU()) for _ in range(2)]
    a, b = [randomize_norms(norm, seed=3)[0] for norm in norms]
    for key, tensor in a.state_dict().items():
        assert tensor.equal(b.state_dict()[key])
    fresh = nn.BatchNorm2d(8)
    for name in ('weight', 'bias', 'running_mean', 'running_var'):
        assert (getattr(a, name) - getattr(fresh, name)).abs().max() > 0.2
    assert a.running_var.min() > 0
    other = randomize_norms(nn.BatchNorm2d(8), seed=4)
    assert not other.weight.equal(a.weight)


def test_norms_without_statistics():
    randomize_norms(nn.BatchNorm2d(8, affine=False))
    norm = randomize_norms(nn.BatchNorm2d(8, track_running_stats=False))
    assert torch.isfinite(norm.weight).all()


class Late(torch.autograd.Function):
    """An identity whose backward reads a number."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return grad * float(grad.sum())


WAITING = dict(
    item=lambda x: x.sum().item(),
    number=lambda x: float(x.sum()),
    truth=lambda x: 1 if x.sum() > 0 else 2,
    format=lambda x: f'{x.sum():.2f}',
    array=lambda x: np.asarray(x),
    list=lambda x: x.tolist(),
    copy=lambda x: x.cpu(),
    index=lambda x: [1, 2, 3][x[0, 0].long()],
    length=lambda x: range(x[0, 0].long()),
    mask=lambda x: x[x > 0],
    assigned_mask=lambda x: x.__setitem__(x > 0, 0.),
    masked_select=lambda x: x.masked_select(x > 0),
    places=lambda x: torch.where(x > 0),
    equal=lambda x: torch.equal(x, x),
    close=lambda x: torch.allclose(x, x),
    unique=lambda x: x.unique(),
    backward=lambda x: Late.apply(x.requires_grad_()).sum().backward())


@pytest.mark.parametrize('case', WAITING)
def test_what_waits_is_refused(case):
    x = torch.ones(3, 3)
    WAITING[case](x.clone())
    with pytest.raises(Waited, match='wait for a GPU'), refuses_waiting():
        WAITING[case](x)


def test_copies_from_another_device_are_refused():
    x = torch.ones(2, device='meta')
    with pytest.raises(Waited, match='_to_copy'), refuses_waiting():
        x.to('cpu')
    with pytest.raises(Waited, match='copy_'), refuses_waiting():
        torch.empty(2).copy_(x)


def test_what_does_not_wait():
    x = torch.ones(3, 3, requires_grad=True)
    with refuses_waiting():
        y = torch.where(x > 0, x, 0 * x).masked_fill(x > 2, 0.)
        y[torch.tensor([0, 2])].to('cpu', torch.double).sum().backward()
    assert x.grad.tolist() == [[1.] * 3, [0.] * 3, [1.] * 3]
