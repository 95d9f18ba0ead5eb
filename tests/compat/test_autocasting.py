"""The dtype of autocast is what a convolution's output has."""
import pytest
import torch
import torch.nn.functional as F

from mmrep.compat import autocasting
from mmrep.compat.autocasting import (NOTHING, TAKES_TYPES, autocast_dtype,
                                      without_autocast)


@pytest.mark.parametrize('new', sorted({TAKES_TYPES, False}))
@pytest.mark.parametrize('enabled', [True, False])
def test_dtype(new, enabled, monkeypatch):
    monkeypatch.setattr(autocasting, 'TAKES_TYPES', new)
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=enabled):
        out = F.conv2d(torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 1))
        assert (autocast_dtype('cpu') or torch.float32) == out.dtype
        assert (autocast_dtype('cpu') is not None) == enabled
        assert autocast_dtype('cuda') is None
    assert autocast_dtype('cpu') is None


A = torch.ones(2, 2)


@pytest.mark.parametrize('device', ['cpu', 'meta'])
def test_products_keep_their_precision(device):
    with torch.autocast('cpu', torch.bfloat16):
        assert (A @ A).dtype == torch.bfloat16
        with without_autocast(device):
            assert (A @ A).dtype == torch.float32
        assert (A @ A).dtype == torch.bfloat16


@pytest.mark.skipif(not TAKES_TYPES, reason='it cannot ask for a type')
def test_it_does_nothing_where_autocast_is_off(monkeypatch):
    assert without_autocast('cpu') is NOTHING
    with torch.autocast('cpu', torch.bfloat16, enabled=False):
        assert without_autocast('cpu') is NOTHING
    with NOTHING, NOTHING:  # it may be entered more than once
        pass


def test_leaving_it_in_older_pytorch(monkeypatch):
    """It cannot ask for a type of device, and always enters a context."""
    monkeypatch.setattr('mmrep.compat.autocasting.TAKES_TYPES', False)
    with torch.autocast('cpu', torch.bfloat16), without_autocast('cpu'):
        assert (A @ A).dtype == torch.float32
    with without_autocast('cpu'):
        assert (A @ A).dtype == torch.float32
