"""Fails where an upgrade of torch needs another way out of autocast."""
import pytest
import torch

from mmrep.compat.autocast import NONE, without_autocast

A = torch.ones(2, 2)


@pytest.mark.parametrize('device', ['cpu', 'meta'])
def test_products_keep_their_precision(device):
    with torch.autocast('cpu', torch.bfloat16):
        assert (A @ A).dtype == torch.bfloat16
        with without_autocast(device):
            assert (A @ A).dtype == torch.float32
        assert (A @ A).dtype == torch.bfloat16


def test_it_does_nothing_where_autocast_is_off(monkeypatch):
    assert without_autocast('cpu') is NONE
    with torch.autocast('cpu', torch.bfloat16, enabled=False):
        assert without_autocast('cpu') is NONE
    with NONE, NONE:  # it may be entered more than once
        pass


def test_older_pytorch(monkeypatch):
    """It cannot ask for a type of device, and always enters a context."""
    monkeypatch.setattr('mmrep.compat.autocast.TAKES_A_TYPE', False)
    with torch.autocast('cpu', torch.bfloat16), without_autocast('cpu'):
        assert (A @ A).dtype == torch.float32
    with without_autocast('cpu'):
        assert (A @ A).dtype == torch.float32
