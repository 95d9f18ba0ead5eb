"""Fails where an upgrade of torch drops its operations on lists."""
import torch

from mmrep.compat.foreach import copies_of, copy_all
from mmrep.measure.launches import Launches

GONE = 'mmrep/compat/foreach.py needs another operation on lists'


def tensors():
    return [torch.randn(3), torch.randn(2, 2, dtype=torch.double).t()]


def test_copies():
    there = tensors()
    with Launches() as seen:
        found = copies_of(there)
    assert seen.count == 1, GONE
    for copy, tensor in zip(found, there):
        assert torch.equal(copy, tensor) and copy.dtype == tensor.dtype
        assert copy.data_ptr() != tensor.data_ptr()


def test_copies_into_others():
    targets, sources = tensors(), tensors()
    with Launches() as seen:
        copy_all(tuple(targets), tuple(sources))
    assert seen.count == 1, GONE
    assert all(map(torch.equal, targets, sources))
