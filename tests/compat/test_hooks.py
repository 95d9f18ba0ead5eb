"""Fails where an upgrade of torch keeps a module's hooks elsewhere."""
import copy

import pytest
import torch
from torch import nn

from mmrep.compat.hooks import (any_global_hook, copy_hooks, drop_hooks,
                                has_hooks, hooks_of, is_bare, pre_hooks_of)

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


@pytest.mark.parametrize('register', REGISTER)
def test_calls_of_the_forward_alone(register):
    module = nn.Linear(1, 1)
    assert is_bare(module)
    handle = getattr(module, register)(lambda *args: None)
    assert not is_bare(module), f'{GONE}: {register}'
    handle.remove()
    assert is_bare(module)
    module.forward = lambda x: x
    assert not is_bare(module)


@pytest.mark.parametrize('kind', [
    'forward_hook', 'forward_pre_hook', 'full_backward_hook',
    'full_backward_pre_hook'
])
def test_calls_that_a_hook_on_all_modules_sees(kind, monkeypatch):
    assert not any_global_hook()
    register = getattr(nn.modules.module, f'register_module_{kind}')
    handle = register(lambda *args: None)
    try:
        assert not is_bare(nn.Linear(1, 1)), GONE
        assert any_global_hook()  # as PyTorch 2.1 is asked
    finally:
        handle.remove()
    assert is_bare(nn.Linear(1, 1)) and not any_global_hook()
    monkeypatch.delattr(nn.modules.module, '_global_forward_hooks')
    assert any_global_hook()  # there may be some


def test_pre_hooks_with_keywords():
    source, target, seen = nn.Linear(1, 1), nn.Linear(1, 1), []

    def hook(module, args, kwargs):
        seen.append(kwargs)

    source.register_forward_pre_hook(hook, with_kwargs=True)
    assert list(pre_hooks_of(source).values()) == [hook], GONE
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


@pytest.mark.parametrize('register', REGISTER)
def test_mappings(register):
    module = nn.Linear(1, 1)
    handle = getattr(module, register)(print)
    found = [key for hooks in hooks_of(module) for key in hooks]
    assert found == [handle.id], f'{GONE}: {register}'


@pytest.mark.parametrize('register', REGISTER[:2])
def test_some_are_dropped(register):
    module, seen = nn.Linear(1, 1), []
    for value in (1, 2):
        getattr(module,
                register)(lambda *args, value=value: seen.append(value))
    hooks = [hook for each in hooks_of(module) for hook in each.values()]
    drop_hooks(module, lambda hook: hook is hooks[0])
    module(torch.ones(1, 1))
    assert seen == [2], f'{GONE}: {register}'
