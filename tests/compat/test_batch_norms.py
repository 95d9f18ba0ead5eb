"""Fails where an upgrade of torch has other bases of batch norms."""
import copy

import pytest
import torch
from mmcv.ops import SyncBatchNorm as MMSyncBN
from mmdet.models.layers import FrozenBatchNorm2d as OfDetectors
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from mmrep.compat.batch_norms import (has_statistics, is_batch_norm,
                                      is_frozen_norm, is_unfinished, run_norm,
                                      trained_norm)

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


def _hooked():
    norm = nn.BatchNorm2d(2)
    norm.register_forward_hook(lambda *args: None)
    return norm


def _patched():
    norm = nn.BatchNorm2d(2)
    norm.forward = lambda x: 2 * x
    return norm


@pytest.mark.parametrize('norm, quick', [
    (nn.BatchNorm2d(2), True),
    (nn.BatchNorm2d(2, momentum=0., eps=.1), True),
    (nn.BatchNorm2d(2).eval(), False),
    (nn.BatchNorm2d(2, momentum=None), False),
    (nn.BatchNorm2d(2, affine=False), False),
    (nn.BatchNorm2d(2, **NO_STATISTICS), False),
    (nn.SyncBatchNorm(2).eval(), False),
    (OfDetectors(2), False),
    (Own(2), False),
    (_hooked(), False),
    (_patched(), False),
    (nn.Identity(), False),
])
def test_calls_that_a_norm_does_not_need(norm, quick):
    assert (trained_norm(norm) is not None) == quick
    twin, x = copy.deepcopy(norm), torch.randn(3, 2, 4, 4)
    for _ in range(2):
        assert run_norm(norm, x).equal(twin(x))
    for name, buffer in norm.named_buffers():
        assert buffer.equal(twin.get_buffer(name)), name


def test_one_value_a_channel_is_refused():
    norm, x = nn.BatchNorm2d(2), torch.randn(1, 2, 1, 1)
    with pytest.raises(ValueError) as expected:
        nn.BatchNorm2d(2)(x)
    with pytest.raises(ValueError) as found:
        run_norm(norm, x)
    assert str(found.value) == str(expected.value)


def test_a_hook_on_all_modules_sees_norms():
    seen = []
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, *args: seen.append(module))
    try:
        norm = nn.BatchNorm2d(2)
        run_norm(norm, torch.randn(2, 2, 3, 3))
    finally:
        handle.remove()
    assert seen == [norm]
