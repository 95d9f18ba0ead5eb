"""Prefixes of the names of weights."""
import pytest
import torch

from mmrep.errors import UserError
from mmrep.prefixes import under, without_module, without_wrappers


def test_under():
    weights = {'a.b.c': 1, 'a.b.d.e': 2, 'a.bc': 3, 'x.a.b.c': 4}
    assert under(weights, 'a.b.') == {'c': 1, 'd.e': 2}
    assert under(weights, '') == weights
    assert under(weights, 'c.') == {}


@pytest.mark.parametrize('prefix', [
    'module.', '_orig_mod.', 'module._orig_mod.', '_orig_mod.module.',
    '_orig_mod._orig_mod.'
])
def test_wrappers(prefix):
    weights = {f'{prefix}a.module._orig_mod.b': 1, 'c': 2}
    out = without_wrappers(weights)
    assert out == {'a.module._orig_mod.b': 1, 'c': 2}


@pytest.mark.parametrize('prefix', ['module.', '_orig_mod.'])
def test_wrapped_twice(prefix):
    told = f"has 'a' twice, with and without '{prefix}'"
    with pytest.raises(UserError, match=told):
        without_wrappers({'a': 1, f'{prefix}a': 2})


def test_a_module_called_module():
    """DDP puts one `module.` in front; the model's own stays."""
    weights = {'module.module.a': 1}
    assert without_module(weights) == {'module.a': 1}
    assert without_wrappers(weights) == {'module.a': 1}
    assert without_module({'_orig_mod.a': 1}) == {'_orig_mod.a': 1}


def test_two_names_that_would_be_one():
    assert without_module({'module.a': 1, 'b': 2}) == {'a': 1, 'b': 2}
    for names in (('module.a', 'a'), ('a', 'module.a')):
        with pytest.raises(UserError, match="has 'a' twice"):
            without_module(dict.fromkeys(names, 1))


def test_versions_of_modules_stay():
    weights = torch.nn.DataParallel(torch.nn.BatchNorm2d(2)).state_dict()
    out = without_module(weights)
    assert list(out) == list(torch.nn.BatchNorm2d(2).state_dict())
    assert out._metadata == weights._metadata and 'module.bias' in weights
