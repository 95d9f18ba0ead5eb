"""Fails where an upgrade of torch keeps a module's hooks elsewhere."""
import copy

import pytest
import torch
from torch import nn

from mmrep.compat.hooks import copy_hooks, has_hooks, pre_hooks_of

GONE = 'mmrep/compat/hooks.py needs another way to the hooks of a module'
REGISTER = [
    'register_forward_hook', 'register_forward_pre_hook',
    'register_full_backward_hook', 'register_full_backward_pre_hook'
]


@pytest.mark.parametrize('register', REGISTER)
def test_each_kind_is_seen_and_copied(register):
    source, target, seen = nn.Linear(1, 1), nn.Linear(1, 1), []
    assert not has_hooks(source)
    getattr(source, register)(lambda *args: seen.append(1))
    assert has_hooks(source), f'{GONE}: {register}'
    copy_hooks(source, target, {})
    target(torch.ones(1, 1, requires_grad=True)).sum().backward()
    assert seen == [1], f'{GONE}: {register}'
    assert has_hooks(target)


def test_pre_hooks_with_keywords():
    source, target, seen = nn.Linear(1, 1), nn.Linear(1, 1), []

    def hook(module, args, kwargs):
        seen.append(kwargs)

    source.register_forward_pre_hook(hook, with_kwargs=True)
    assert pre_hooks_of(source) == [hook], GONE
    copy_hooks(source, target, {})
    target(input=torch.ones(1, 1))
    assert list(seen[0]) == ['input'], f'{GONE}, with their options'


def test_copies_are_of_their_own():
    source, target = nn.Linear(1, 1), nn.Linear(1, 1)
    handle = source.register_forward_hook(print)
    copy_hooks(source, target, {})
    handle.remove()
    assert has_hooks(target) and not has_hooks(source), GONE
    assert copy.deepcopy(target)(torch.ones(1, 1)).shape == (1, 1)
