"""Our names are on torch's list of safe globals only while a file is read."""
import pickle
import threading

import mmengine.runner.checkpoint as mmengine_checkpoint
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModule
from mmengine.runner.checkpoint import CheckpointLoader, load_checkpoint
from torch import nn

from mmrep.checkpoints import read_checkpoint
from mmrep.compat import safe_globals

serialization = torch.serialization
pytestmark = pytest.mark.skipif(
    not safe_globals.knows_safe_globals(),
    reason='torch.load lets code run unless it is told otherwise')


class Theirs:
    """An object of another library."""


def listed():
    return set(serialization.get_safe_globals())


@pytest.fixture
def path(tmp_path):
    """Write a checkpoint as mmengine does."""
    buffer = HistoryBuffer()
    buffer.update(2.5)
    path = str(tmp_path / 'a.pth')
    torch.save(dict(state_dict=nn.Linear(1, 1).state_dict(), hub=buffer), path)
    return path


def test_plain_loading_is_as_without_us(path):
    with pytest.raises(pickle.UnpicklingError, match='HistoryBuffer'):
        torch.load(path)
    before = listed()
    read_checkpoint(path)
    load_checkpoint(nn.Linear(1, 1), path)
    assert listed() == before
    with pytest.raises(pickle.UnpicklingError, match='HistoryBuffer'):
        torch.load(path)


def test_mmengine_loads_it(path):
    assert CheckpointLoader.load_checkpoint(path)['hub'].mean() == 2.5
    net, weight = nn.Linear(1, 1), torch.load(
        path, weights_only=False)['state_dict']['weight']
    load_checkpoint(net, path)
    assert torch.equal(net.weight, weight)
    module = BaseModule(dict(type='Pretrained', checkpoint=path))
    module.weight = nn.Parameter(torch.zeros(1, 1))
    module.init_weights()
    assert torch.equal(module.weight, weight)


def test_a_broken_file_leaves_the_list_as_it_was(path):
    before = listed()
    with open(path, 'r+b') as file:
        file.truncate(200)
    with pytest.raises(Exception):
        CheckpointLoader.load_checkpoint(path)
    with pytest.raises(ValueError):
        read_checkpoint(path)
    assert listed() == before


@pytest.mark.parametrize(
    'read', [torch.load, CheckpointLoader.load_checkpoint, read_checkpoint])
def test_what_another_library_allows_loads(tmp_path, read):
    """Their `getattr` is used, although ours knows only a few names."""
    path = str(tmp_path / 'a.pth')
    content = dict(state_dict={}, own=Theirs(), norm=Look())
    torch.save(content, path)
    with serialization.safe_globals([Theirs, getattr, HistoryBuffer]):
        before = listed()
        loaded = read(path)
        assert type(loaded['own']) is Theirs
        assert loaded['norm'] is Theirs.__init__
        assert listed() == before  # their HistoryBuffer is still there
    if read.__qualname__.endswith('load_checkpoint') and hasattr(
            mmengine_checkpoint, '_safe_torch_load'):
        return  # the forks' own loader goes on to read whatever a file holds
    with pytest.raises(ValueError if read is
                       read_checkpoint else pickle.UnpicklingError):
        read(path)


class Look:
    """An object that is pickled as a look-up of an attribute."""

    def __reduce__(self):
        return getattr, (Theirs, '__init__')


def test_overlapping_threads(path):
    """A thread that ends first takes nothing from one that still reads."""
    before, inside, go_on = listed(), threading.Event(), threading.Event()
    found = []

    def long():
        with safe_globals.allowed:
            inside.set()
            go_on.wait(10)
            found.append(torch.load(path)['hub'].mean())

    thread = threading.Thread(target=long)
    thread.start()
    inside.wait(10)
    read_checkpoint(path)
    go_on.set()
    thread.join()
    assert found == [2.5] and listed() == before


@pytest.mark.parametrize('name', ['model', 'model_state_dict'])
def test_mmengine_finds_weights_under_other_names(tmp_path, name):
    """mmengine alone would load nothing of them, without an error."""
    path, source = str(tmp_path / 'a.pth'), nn.Linear(1, 1)
    torch.save({name: source.state_dict()}, path)
    net = nn.Linear(1, 1)
    load_checkpoint(net, path)
    assert torch.equal(net.weight, source.weight)
    loaded = CheckpointLoader.load_checkpoint(path)
    assert set(loaded) == {name, 'state_dict'}
