"""Tensors of several blocks as one, and back."""
import pytest
import torch
from torch import nn

from mmrep.together.batch import Batch, stack


def tensors(*shape, count=3):
    return [torch.randn(*shape) for _ in range(count)]


@pytest.mark.parametrize('is_flat', [True, False])
def test_there_and_back(is_flat):
    there = tensors(4)
    batch = Batch(there, is_flat)
    whole = batch.of(there)
    assert whole.shape == ((12, ) if is_flat else (3, 4))
    for part, tensor in zip(batch.parts(whole), there):
        assert torch.equal(part, tensor)
        assert part.data_ptr() >= whole.data_ptr()
    assert list(batch.parts(None)) == [None] * 3


def test_norms_of_several_widths():
    there = [torch.randn(n) for n in (2, 5, 1)]
    batch = Batch(there, is_flat=True)
    parts = batch.parts(batch.of(there))
    assert [len(part) for part in parts] == [2, 5, 1]
    assert all(map(torch.equal, parts, there))


def test_one_gradient_is_enough():
    fixed, learnt = torch.zeros(2), nn.Parameter(torch.zeros(2))
    assert not Batch([fixed, fixed]).wanted
    assert Batch([fixed, learnt]).wanted


@pytest.mark.parametrize('count', [1, 3])
def test_batches_are_contiguous(count):
    there = [
        t.to(memory_format=torch.channels_last)
        for t in tensors(4, 3, 3, 3, count=count)
    ]
    whole = stack(there)
    assert whole.is_contiguous() and whole.shape == (count, 4, 3, 3, 3)
    assert all(map(torch.equal, whole, there))
