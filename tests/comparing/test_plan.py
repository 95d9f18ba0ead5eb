"""Configs and seeds, and the runs they make."""
import os.path as osp
from pathlib import Path

import pytest

from mmrep.comparing.plan import (check_nets, read_nets, run_of, runs_of,
                                  seeds_of)
from mmrep.errors import UserError


@pytest.fixture
def config(tmp_path):
    """Return a function that writes a config that can be read."""

    def config(name='plain'):
        path = tmp_path / f'{name}.py'
        path.parent.mkdir(exist_ok=True)
        values = dict(
            default_scope='mmpretrain',
            model=dict(type='ImageClassifier'),
            train_dataloader=dict(batch_size=2),
            test_dataloader=dict(batch_size=2),
            test_evaluator=dict(type='Accuracy'))
        path.write_text('\n'.join(f'{k} = {v!r}' for k, v in values.items()))
        return str(path)

    return config


@pytest.mark.parametrize('text, seeds', [('2', [0, 1]), ('5', [*range(5)]),
                                         ('3,7, 11', [3, 7, 11])])
def test_seeds(text, seeds):
    assert seeds_of(text) == seeds


@pytest.mark.parametrize('text, why', [
    ('1', 'must be at least 2'), ('0', 'must be at least 2'),
    ('-3', 'must be a number'), ('a', 'must be a number'),
    ('1.5', 'must be a number'), ('', 'must be a number'),
    ('1,', 'must be a number'), ('3,3', 'a seed twice')])  # yapf: disable
def test_wrong_seeds(text, why):
    with pytest.raises(UserError, match=why):
        seeds_of(text)


@pytest.mark.parametrize('baseline, first', [(None, 'a'), ('b', 'b')])
def test_the_baseline_is_first(config, baseline, first):
    nets = read_nets([config('a'), config('b'), config('c')], baseline)
    assert [n.name for n in nets][0] == first
    assert sorted(n.name for n in nets) == ['a', 'b', 'c']
    by_path = read_nets([config('a'), config('b')], config('b'))
    assert by_path[0].name == 'b'
    path = config('b')
    other = osp.join(osp.dirname(path), '.', osp.basename(path))
    assert read_nets([config('a'), path], other)[0].name == 'b'


def test_wrong_configs(config):
    with pytest.raises(UserError, match='no such config'):
        read_nets([config('a'), 'missing.py'])
    with pytest.raises(UserError, match=r"'c'\) must be one of.*: a, b"):
        read_nets([config('a'), config('b')], 'c')
    with pytest.raises(UserError, match='have the same name'):
        read_nets([config('a'), config('deep/a')])
    with pytest.raises(UserError, match='has no `test_evaluator`'):
        read_nets([without_evaluator(config('d'))])


def without_evaluator(path):
    """Remove the last line of a config, which is its evaluator."""
    lines = Path(path).read_text().splitlines()
    Path(path).write_text('\n'.join(lines[:-1]))
    return path


def test_options_replace_values_in_all(config):
    nets = read_nets([config('a'), config('b')],
                     options={'train_dataloader.batch_size': 7})
    assert [n.cfg.train_dataloader.batch_size for n in nets] == [7, 7]


def test_runs_go_seed_by_seed(net_of):
    nets = [net_of('a'), net_of('b')]
    runs = runs_of(nets, [0, 4], 'work')
    assert [r.name for r in runs
            ] == ['a, seed 0', 'b, seed 0', 'a, seed 4', 'b, seed 4']
    assert runs[3].folder == 'work/b/seed_4'
    assert runs[3].config == 'work/b/seed_4.py'


def test_the_config_of_a_run(net_of):
    net = net_of(
        'a',
        randomness=dict(seed=9, deterministic=True),
        custom_hooks=[dict(type='EMAHook')])
    cfg = run_of(net, 4, 'work').cfg
    assert cfg.randomness == dict(seed=4, deterministic=True)
    assert [h['type']
            for h in cfg.custom_hooks] == ['EMAHook', 'TrainingRecordHook']
    assert cfg.custom_imports.imports == ['mmrep']
    assert net.cfg.randomness.seed == 9 and len(net.cfg.custom_hooks) == 1


def test_a_config_that_cannot_train_is_refused(config):
    with pytest.raises(UserError, match='has no'):
        check_nets(read_nets([config('a')]))
    with pytest.raises(UserError, match='`randomness`.*must be a dict'):
        check_nets(read_nets([config('a')], options=dict(randomness=3)))
