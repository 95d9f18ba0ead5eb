"""tools/benchmark.py times real configs and refuses what it cannot."""
import re

import pytest


@pytest.fixture
def benchmark(load_tool):
    return load_tool('benchmark').main


def test_table(benchmark, tiny_seg, tiny_det, capsys):
    benchmark([tiny_seg, tiny_det, '--size', '64', '96', '--rounds', '2'])
    out = capsys.readouterr().out
    rows = re.findall(r'\.py\W+([\d.]+) M\W+([\d.]+) s\W+([\d.]+)', out)
    assert len(rows) == 2 and rows[0][2] == '1.00'
    ratio = float(rows[1][1]) / float(rows[0][1])
    assert abs(ratio - float(rows[1][2])) < 0.1 * ratio + 0.01


@pytest.mark.parametrize('arguments, message', [
    (['--rounds', '0'], '--rounds (=0) must be at least 1'),
    (['--size', '64', '-1'], '--size (=-1) must be at least 1'),
    (['--batch-size', '0'], '--batch-size (=0) must be at least 1'),
])
def test_impossible_numbers(benchmark, tiny_seg, capsys, arguments, message):
    with pytest.raises(SystemExit) as stop:
        benchmark([tiny_seg, *arguments])
    assert stop.value.code != 0
    assert message in capsys.readouterr().err
