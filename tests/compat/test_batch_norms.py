"""Fails where an upgrade of torch has other bases of batch norms."""
import pytest
import torch
from mmcv.ops import SyncBatchNorm as MMSyncBN
from mmdet.models.layers import FrozenBatchNorm2d as OfDetectors
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from mmrep.compat.batch_norms import (has_statistics, is_batch_norm,
                                      is_frozen_norm, is_unfinished)

GONE = 'mmrep/compat/batch_norms.py needs another base class of batch norms'
NO_STATISTICS = dict(track_running_stats=False)


class Own(nn.BatchNorm2d):
    pass


@pytest.mark.parametrize('norm', [
    nn.BatchNorm1d(2),
    nn.BatchNorm2d(2),
    nn.BatchNorm3d(2),
    nn.SyncBatchNorm(2),
    Own(2, affine=False),
    nn.LazyBatchNorm2d(),
])
def test_those_of_torch(norm):
    assert is_batch_norm(norm), GONE
    assert has_statistics(norm) and not is_frozen_norm(norm)


def test_without_statistics():
    norm = nn.BatchNorm2d(2, **NO_STATISTICS)
    assert is_batch_norm(norm), GONE
    assert not has_statistics(norm)


@pytest.mark.parametrize('kind', [FrozenBatchNorm2d, OfDetectors])
def test_frozen_ones(kind):
    assert is_batch_norm(kind(2)) and is_frozen_norm(kind(2)), GONE


def test_mmcvs_own():
    """mmcv's SyncBN derives from nn.Module alone."""
    norm = MMSyncBN.__new__(MMSyncBN)
    nn.Module.__init__(norm)
    norm.register_buffer('running_mean', torch.zeros(2))
    norm.register_buffer('running_var', torch.ones(2))
    assert is_batch_norm(norm) and not is_frozen_norm(norm)


@pytest.mark.parametrize('other', [
    nn.InstanceNorm2d(2, affine=True, track_running_stats=True),
    nn.InstanceNorm2d(2),
    nn.GroupNorm(1, 2),
    nn.Conv2d(1, 1, 1),
    nn.Identity(),
    None,
])
def test_no_batch_norms(other):
    assert not is_batch_norm(other), GONE
    assert not is_frozen_norm(other)


def test_bases_that_cannot_run():
    base = nn.BatchNorm2d.__base__
    assert is_unfinished(base), f'{GONE}, and of its check of inputs'
    assert is_unfinished(base.__base__)
    assert is_unfinished(type('Bare', (nn.Module, ), {}))
    assert not is_unfinished(nn.BatchNorm2d)
    assert not is_unfinished(Own)
