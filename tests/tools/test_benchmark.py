"""tools/benchmark.py times real configs and refuses what it cannot."""
import re

import pytest

from mmrep import OREPAResNet


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


def test_images_are_as_large_as_it_says(benchmark, tiny_seg, monkeypatch):
    """mmseg's preprocessor pads to the size of the config's crops."""
    seen = []
    forward = OREPAResNet.forward

    def watched(self, x):
        seen.append(tuple(x.shape))
        return forward(self, x)

    monkeypatch.setattr(OREPAResNet, 'forward', watched)
    benchmark([tiny_seg, '--size', '64', '32', '--rounds', '1'])
    assert set(seen) == {(1, 3, 64, 32)}


def test_a_model_that_takes_no_step(benchmark, tiny_seg, capsys, tmp_path):
    config = tmp_path / 'broken.py'
    config.write_text(f"_base_ = '{tiny_seg}'\n"
                      'model = dict(decode_head=dict(in_channels=7))')
    with pytest.raises(SystemExit) as stop:
        benchmark([str(config), '--size', '64', '64'])
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert stop.value.code != 0 and message.startswith('error: config')
    assert 'takes no training step' in message


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
