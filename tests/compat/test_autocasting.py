"""The dtype of autocast is what a convolution's output has."""
import pytest
import torch
import torch.nn.functional as F

from mmrep.compat import autocasting
from mmrep.compat.autocasting import autocast_dtype


@pytest.mark.parametrize('new', [True, False])
@pytest.mark.parametrize('enabled', [True, False])
def test_dtype(new, enabled, monkeypatch):
    monkeypatch.setattr(autocasting, '_takes_types', new)
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=enabled):
        out = F.conv2d(torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 1))
        assert (autocast_dtype('cpu') or torch.float32) == out.dtype
        assert (autocast_dtype('cpu') is not None) == enabled
        assert autocast_dtype('cuda') is None
    assert autocast_dtype('cpu') is None
