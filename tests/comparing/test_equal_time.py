"""Baselines that train as long as other nets."""
import json

import pytest

from mmrep.comparing.equal_time import longer_baselines, ratios
from mmrep.errors import UserError

from .conftest import result

RESULTS = [
    result('plain', 0, seconds=10.),
    result('plain', 1, seconds=20.),
    result('slow', 0, seconds=20.),
    result('slow', 1, seconds=60.),
    result('slow', 2, seconds=999.),
    result('fast', 0, seconds=10.1),
]


@pytest.fixture
def nets(net_of):
    schedule = dict(type='PolyLR', end=100)
    return [
        net_of(name, train_cfg=dict(max_iters=100), param_scheduler=schedule)
        for name in ('plain', 'slow', 'fast')
    ]


def test_ratios_by_pairs_of_seeds():
    assert sorted(ratios(RESULTS, 'slow', 'plain')) == [2., 3.]
    assert ratios(RESULTS, 'plain', 'plain') == [1., 1.]
    assert ratios(RESULTS, 'other', 'plain') == []


def test_a_longer_baseline_for_each_slower_net(nets, tmp_path):
    longer = longer_baselines(nets, RESULTS, str(tmp_path))
    assert list(longer) == ['slow']
    net = longer['slow']
    assert net.name == 'plain_as_long_as_slow' and net.path == 'plain.py'
    assert net.cfg.train_cfg.max_iters == 250
    assert net.cfg.param_scheduler.end == 250


def test_later_calls_keep_the_length(nets, tmp_path):
    longer_baselines(nets, RESULTS, str(tmp_path))
    again = [result('plain', 5, seconds=1.), result('slow', 5, seconds=9.)]
    longer = longer_baselines(nets, again, str(tmp_path))
    assert longer['slow'].cfg.train_cfg.max_iters == 250


def test_no_pair_of_seeds(nets, tmp_path):
    assert not longer_baselines(nets, [], str(tmp_path))
    assert not list(tmp_path.iterdir())  # a later call may know more


def test_a_damaged_file(nets, tmp_path):
    path = tmp_path / 'plain_as_long_as_slow.json'
    for text in ('{', json.dumps([1]), json.dumps(dict(other=1))):
        path.write_text(text)
        with pytest.raises(UserError, match='cannot read.*remove it'):
            longer_baselines(nets, RESULTS, str(tmp_path))


def test_whole_epochs_that_are_no_more(net_of, tmp_path):
    """1.2 times 2 epochs are 2 epochs: there is nothing to compare."""
    nets = [net_of(n, train_cfg=dict(max_epochs=2)) for n in ('plain', 'slow')]
    results = [result('plain', seconds=10.), result('slow', seconds=12.)]
    assert not longer_baselines(nets, results, str(tmp_path))
