"""Randomised norms are far from fresh, and the same every time."""
import torch
from torch import nn

from mmrep.testing import randomize_norms


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
