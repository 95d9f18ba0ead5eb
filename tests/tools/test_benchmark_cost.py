"""tools/benchmark_cost.py compares real configs, refuses bad ones."""
import json
import re

import pytest

SMALL = ['--size', '32', '32', '--batch-size', '2']
PLAIN = '''
_base_ = '{base}'
model = dict(backbone=dict(type='ResNet'{backbone}))
train_cfg = dict(max_iters=4)
custom_hooks = [dict(type='DyRepHook', interval=1, stop=2{hook})]
'''


@pytest.fixture
def benchmark(load_tool):
    return load_tool('benchmark_cost').main


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a config with a plain backbone."""

    def config(base, hook='', backbone=''):
        path = tmp_path / 'plain.py'
        path.write_text(PLAIN.format(base=base, hook=hook, backbone=backbone))
        return str(path)

    return config


@pytest.mark.parametrize('base', ['tiny_seg', 'tiny_det', 'tiny_cls'])
def test_table_and_numbers(benchmark, write, request, capsys, tmp_path, base):
    config = write(request.getfixturevalue(base))
    out = tmp_path / 'cost.json'
    benchmark([config, *SMALL, '--steps', '4', '--out', str(out)])
    table = capsys.readouterr().out
    found = json.loads(out.read_text())
    assert list(found['methods']) == ['plain', 'DBB', 'DyRep']
    for name, cost in found['methods'].items():
        row = re.search(
            rf'{name} +│ ([\d.]+) M +│ ([\d.]+) G +│ [\d.]+ s +│ '
            r'([\d.]+) +│ ([\d.]+) MiB', table)
        expected = [
            cost['parameters'] / 1e6, cost['multiply_adds'] / 1e9,
            cost['ratio'], cost['memory'] / 2**20
        ]
        assert [float(v) for v in row.groups()] == pytest.approx(
            expected, abs=0.051)
    assert found['methods']['plain']['ratio'] == 1
    assert [event['step'] for event in found['events']] == [1, 2]
    assert "DyRep's 2 events" in table


def test_averages_lie_between(benchmark, write, tiny_cls, tmp_path):
    out = tmp_path / 'cost.json'
    benchmark([write(tiny_cls), *SMALL, '--steps', '4', '--out', str(out)])
    found = json.loads(out.read_text())
    plain, rich, dyrep = found['methods'].values()
    for key in ('parameters', 'multiply_adds'):
        assert plain[key] < dyrep[key] < rich[key]
        first, second = (event[key] for event in found['events'])
        assert dyrep[key] == pytest.approx(
            (plain[key] + first + 2 * second) / 4)
    assert dyrep['memory'] == max(event['memory'] for event in found['events'])
    assert 0 < found['events_share'] < 1


@pytest.mark.parametrize('arguments, message', [
    (['--steps', '0'], '--steps (=0) must be at least 1'),
    (['--size', '64', '-1'], '--size (=-1) must be at least 1'),
    (['--batch-size', '0'], '--batch-size (=0) must be at least 1'),
    (['--steps', '3'], '--steps (=3) must be at least 4: the 2 events'),
    (['--out', 'nowhere/cost.json'], 'the folder of --out is not there'),
])
def test_impossible_arguments(benchmark, write, tiny_cls, capsys, arguments,
                              message):
    with pytest.raises(SystemExit) as stop:
        benchmark([write(tiny_cls), *SMALL, *arguments])
    assert stop.value.code != 0
    assert message in capsys.readouterr().err


@pytest.mark.parametrize('hook, backbone, message', [
    (", scope='neck'", '', "`scope` has 'neck', which matches no convolution"),
    ('', ', frozen_stages=4', 'no plain convolution larger than 1x1'),
    (', deepness=1', '', 'cannot be built'),
    (', max_depth=0', '', '`max_depth` (=0) must be'),
])
def test_nothing_to_compare(benchmark, write, tiny_cls, capsys, tmp_path, hook,
                            backbone, message):
    out = tmp_path / 'cost.json'
    with pytest.raises(SystemExit) as stop:
        benchmark([write(tiny_cls, hook, backbone), *SMALL, '--out', str(out)])
    told = capsys.readouterr().err.strip().splitlines()
    assert stop.value.code != 0 and told[-1].startswith('error: ')
    assert message in told[-1] and not out.exists()


def test_a_step_that_fails_writes_nothing(benchmark, write, tiny_cls, capsys,
                                          tmp_path):
    out = tmp_path / 'cost.json'
    with pytest.raises(SystemExit) as stop:
        benchmark([
            write(tiny_cls, backbone=', base_channels=16'), *SMALL, '--steps',
            '4', '--out',
            str(out)
        ])
    assert stop.value.code != 0 and not out.exists()
    assert 'takes no training step' in capsys.readouterr().err
