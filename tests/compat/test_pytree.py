"""Fails where an upgrade of torch walks containers in another way."""
from collections import namedtuple

import torch

from mmrep.compat.pytree import tree_flatten, tree_map, tree_map_only

Pair = namedtuple('Pair', 'a b')
GONE = 'mmrep/compat/pytree.py needs another way to walk containers'


def test_containers_keep_their_kinds():
    tree = dict(x=[1, (2, )], y=Pair(3, 4))
    assert tree_flatten(tree)[0] == [1, 2, 3, 4], GONE
    assert tree_map(lambda n: n + 1, tree) == dict(
        x=[2, (3, )], y=Pair(4, 5)), GONE
    x = torch.ones(1)
    found = tree_map_only(torch.Tensor, torch.neg, [x, 'word', None])
    assert found == [-x, 'word', None], GONE
