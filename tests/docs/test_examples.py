"""Every public name shows an example that runs, in its docstring."""
import doctest
import importlib
import inspect
import logging
from collections import defaultdict

import pytest
import torch

from mmrep import kernel
from mmrep.layers import BRANCHES, KERNEL_BRANCHES
from mmrep.measure import memory, timing
from mmrep.measure.cost import make_dbb

from .test_site import PUBLIC, entries

# modules whose functions and classes all count
WHOLE = (kernel, memory, timing)
FLAGS = doctest.NORMALIZE_WHITESPACE


def public():
    """Return the public objects, each once, by name."""
    found = [getattr(importlib.import_module(r), n) for r, n in PUBLIC]
    found += [
        thing for module in WHOLE for name, thing in vars(module).items()
        if not name.startswith('_')
        and getattr(thing, '__module__', '') == module.__name__
    ]
    found.append(make_dbb)
    found += [
        thing for path, thing in entries().items()
        if path.startswith(('mmrep.nets', 'mmrep.structures', 'mmrep.testing'))
    ]
    named = {}
    for thing in found:
        if callable(thing):
            named.setdefault(thing.__name__, thing)
    return named


NAMED = public()


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    """Run in a folder of its own, with equal random numbers and no log.

    What an example registers is undone.
    """
    monkeypatch.chdir(tmp_path)
    for registry in (BRANCHES, KERNEL_BRANCHES):
        monkeypatch.setattr(registry, '_module_dict',
                            dict(registry.module_dict))
    torch.manual_seed(0)
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize('name', sorted(NAMED))
def test_example(name):
    thing = NAMED[name]
    text = inspect.getdoc(thing)
    assert thing.__doc__ and 'Examples:\n    >>> ' in text, (
        f'{name} of {thing.__module__} shows no example')
    examples = doctest.DocTestParser().get_doctest(
        thing.__doc__, {}, name, inspect.getsourcefile(thing), 0)
    told = []
    doctest.DocTestRunner(optionflags=FLAGS).run(examples, out=told.append)
    assert not told, ''.join(told)


def test_no_public_name_means_two_things():
    """A reader who looks up a name finds one object."""
    things = defaultdict(set)
    for room, name in PUBLIC:
        things[name].add(id(getattr(importlib.import_module(room), name)))
    assert all(len(ids) == 1 for ids in things.values())
