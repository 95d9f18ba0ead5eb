"""Batches of DyRep's own, like those of a training."""
from itertools import islice
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from mmrep.errors import UserError
from mmrep.runner import loaders
from mmrep.runner.loaders import Draws, own_loader


def test_draws_of_processes(monkeypatch):
    """They share all images, each time in another order."""
    parts = []
    monkeypatch.setattr(loaders, 'get_world_size', lambda: 3)
    for rank in range(3):
        monkeypatch.setattr(loaders, 'get_rank', lambda: rank)
        parts.append(list(islice(Draws(range(12), seed=1), 8)))
    first, again = [[part[i:i + 4] for part in parts] for i in (0, 4)]
    assert sorted(sum(first, [])) == sorted(sum(again, [])) == list(range(12))
    assert first != again
    assert len(Draws(range(12), seed=1)) == 12


@pytest.mark.parametrize('seed', [0, 1])
def test_batches_of_the_loader(seed):
    images = torch.arange(10)
    loader = DataLoader(TensorDataset(images), 4, drop_last=False)
    first, again = [[x.tolist() for x, in islice(own_loader(loader, seed), 5)]
                    for _ in range(2)]
    assert first == again and [len(x) for x in first] == [4] * 5
    assert sorted(sum(first, [])) == sorted(2 * list(range(10)))
    other = next(iter(own_loader(loader, seed + 1)))[0].tolist()
    assert other != first[0]


class Stream(IterableDataset):

    def __iter__(self):
        yield from range(4)


def test_loaders_without_an_order():
    with pytest.raises(UserError, match='with a Stream: leave it out'):
        own_loader(DataLoader(Stream()), 0)
    loader = SimpleNamespace(dataset=[1, 2], batch_sampler=iter([[0], [1]]))
    with pytest.raises(UserError, match='with a list_iterator'):
        own_loader(loader, 0)
