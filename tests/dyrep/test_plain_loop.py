"""DyRep in a user's own loop: no Runner, no hook, no config."""
import ast
from pathlib import Path

import pytest
import torch
from torch.optim import lr_scheduler

import mmrep
from mmrep.dyrep import Data, Evolution, regroup

from .nets import FROZEN, TRAINED, classifier

NOT_FOR_THE_METHOD = ('mmengine.runner', 'mmengine.hooks', 'mmengine.optim',
                      'mmrep.runner', 'mmrep.hooks', 'mmrep.cli')
FILES = sorted((Path(mmrep.__file__).parent / 'dyrep').glob('*.py'))


def imports_of(path):
    """Return the whole names of the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ['mmrep', 'dyrep'][:3 - node.level] if node.level else []
            home = '.'.join([*above, *filter(None, [node.module])])
            yield from (f'{home}.{alias.name}' for alias in node.names)


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.stem)
def test_the_method_knows_no_runner(path):
    wrong = [n for n in imports_of(path) if n.startswith(NOT_FOR_THE_METHOD)]
    assert not wrong


@pytest.fixture(scope='module')
def trained():
    """Return a net after six steps and two events, its optimizer, history."""
    net, data = classifier()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    schedule = lr_scheduler.StepLR(optimizer, 4, gamma=0.5)
    evolution, watched = Evolution(net, max_depth=1), None
    for step in range(1, 7):
        if watched is None:
            scores = evolution.new_scores()
            watched = scores.watch(optimizer)
        batch = data.batches[step % 2]
        optimizer.zero_grad()
        data.run(batch).backward()
        optimizer.step()
        schedule.step()
        if step % 3 == 0:
            assert scores.steps == 3
            evolution.event(step, scores, Data(*data[:3]))
            regroup(optimizer, net, schedulers=[schedule])
            watched = watched.remove()
    return net, data, optimizer, evolution.history


def test_it_grows_and_stays_what_it_was(trained):
    net, _, _, history = trained
    assert [record['step'] for record in history] == [3, 6]
    for record in history:
        assert record['grown'].startswith('backbone.')
        frozen, in_training = record['grown_change']
        assert frozen <= FROZEN and in_training <= TRAINED
    grown = {record['grown'] for record in history}
    assert len(grown) == 2 and grown == set(mmrep.structure(net))


def test_the_optimizer_knows_all(trained):
    net, _, optimizer, history = trained
    group, = optimizer.param_groups
    assert group['lr'] == 0.01
    assert {id(p)
            for p in group['params']} == {id(p)
                                          for p in net.parameters()}
    first = history[0]['grown']
    momenta = {
        name
        for name, p in net.named_parameters() if p in optimizer.state
    }
    # parameters of the last event have not stepped yet
    assert f'{first}.branches.1x1.weight' in momenta
    assert f'{first}.weight' in momenta and 'head.weight' in momenta


def test_it_becomes_plain(trained):
    net, data, _, _ = trained
    net.eval()
    plain = mmrep.fuse(net)
    assert not mmrep.structure(plain)
    x = data.batches[0][0]
    torch.testing.assert_close(plain(x), net(x), rtol=1e-3, atol=1e-4)
