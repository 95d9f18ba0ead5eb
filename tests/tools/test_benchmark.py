"""tools/benchmark.py compares real configs and refuses bad arguments."""
import json
import re

import cv2
import pytest

from mmrep import OREPAResNet
from mmrep.measure import comparison

SMALL = ['--size', '64', '96', '--rounds', '2']
TRAINING = [
    'config', 'parameters', 'multiply-adds', 'step', 'forward', 'backward',
    'optimizer', 'ratio', 'peak memory', 'memory ratio', 'not explained'
]
HOST = [
    'config', 'parameters', 'step', 'forward', 'backward', 'optimizer',
    'ratio', 'launched', 'launched forward', 'launched backward',
    'launched optimizer', 'launched ratio'
]
INFERENCE = ['config', 'form', 'parameters', 'multiply-adds', 'time', 'ratio']


@pytest.fixture
def benchmark(load_tool):
    return load_tool('benchmark').main


@pytest.fixture
def unmeasured(monkeypatch):
    """Fail if anything is built or measured."""

    def refuse(*args):
        pytest.fail('too late')

    monkeypatch.setattr(comparison, 'load_config', refuse)


def lines_of(printed, bar):
    """Return the cells of each line of a table; long paths are wrapped."""
    lines = [[cell.strip() for cell in line.strip(bar).split(bar)]
             for line in printed.splitlines() if line.startswith(bar)]
    return [cells for cells in lines if bar == '┃' or any(cells[1:])]


def columns_of(printed):
    """Return the names of columns, which may be on two lines."""
    upper, lower = lines_of(printed, '┃')
    names = [' '.join(pair).strip() for pair in zip(upper, lower)]
    return [name.replace('- ', '-') for name in names]


def numbers_of(cells):
    return [float(re.match(r'[+-]?[\d.]+', cell)[0]) for cell in cells]


def test_table(benchmark, tiny_seg, tiny_det, capsys, tmp_path):
    out = tmp_path / 'costs.json'
    benchmark([tiny_seg, tiny_det, *SMALL, '--out', str(out)])
    printed = capsys.readouterr().out
    found = json.loads(out.read_text())
    assert columns_of(printed) == TRAINING
    table = lines_of(printed, '│')
    assert len(table) == len(found['rows']) == 2
    for cells, row in zip(table, found['rows']):
        assert numbers_of(cells[1:]) == pytest.approx([
            row['parameters'] / 1e6, row['multiply_adds'] / 1e9,
            row['seconds'], row['forward'], row['backward'], row['optimizer'],
            row['ratio'], row['memory'] / 2**20, row['memory_ratio'],
            row['memory_unexplained']
        ], abs=0.051)  # yapf: disable
    assert re.search(r'training step, 1 x 64 x 96, cpu, \d+ threads, PyTorch',
                     printed)


def test_cells(load_tool):
    row = dict(
        config='a.py',
        parameters=1.5e6,
        multiply_adds=2.25e9,
        seconds=7.0,
        forward=1.0,
        backward=2.0,
        optimizer=4.0,
        ratio=1.25,
        memory=3 * 2**20,
        memory_own=2**20,
        memory_ratio=1.75,
        memory_unexplained=-0.5)
    cells_of = load_tool('benchmark').cells_of
    moment = cells_of(dict(row, moment='at the end'))
    assert moment['config'] == 'a.py, at the end'
    assert list(cells_of(row).values()) == [
        'a.py', '1.50 M', '2.250 G', '7.000 s', '1.000 s', '2.000 s',
        '4.000 s', '1.25', '3.0 MiB', '1.75', '-0.5 %'
    ]


def test_numbers(benchmark, tiny_seg, tiny_det, tmp_path):
    out = tmp_path / 'costs.json'
    benchmark([tiny_seg, tiny_det, *SMALL, '--out', str(out)])
    found = json.loads(out.read_text())
    assert found['size'] == [64, 96] and found['batch_size'] == 1
    assert found['rounds'] == 2 and not found['inference']
    first, second = found['rows']
    assert [first['config'], second['config']] == [tiny_seg, tiny_det]
    for row in found['rows']:
        parts = [row[part] for part in comparison.PARTS]
        assert row['seconds'] == pytest.approx(sum(parts), rel=1e-9)
        assert row['ratio'] == row['seconds'] / first['seconds']
        assert row['memory_ratio'] == row['memory'] / first['memory']


@pytest.mark.parametrize('config', ['tiny_seg', 'tiny_det', 'tiny_cls'])
def test_inference(benchmark, request, config, capsys, tmp_path):
    out, config = tmp_path / 'costs.json', request.getfixturevalue(config)
    benchmark([config, *SMALL, '--inference', '--out', str(out)])
    printed = capsys.readouterr().out
    rows = json.loads(out.read_text())['rows']
    assert columns_of(printed) == INFERENCE
    table = lines_of(printed, '│')
    assert [cells[1] for cells in table] == [row['form'] for row in rows] == [
        'branch by branch', 'eval', 'kernels kept', 'fused']  # yapf: disable
    for row in rows:
        assert row['ratio'] == row['seconds'] / rows[-1]['seconds']
    assert 'inference, 1 x 64 x 96' in printed


def test_host(benchmark, tiny_seg, tiny_det, capsys, tmp_path):
    out, picture = tmp_path / 'host.json', tmp_path / 'host.svg'
    benchmark([
        tiny_seg, tiny_det, '--host', '--rounds', '2', '--out',
        str(out), '--picture',
        str(picture)
    ])
    printed = capsys.readouterr().out
    found = json.loads(out.read_text())
    assert columns_of(printed) == HOST
    assert "host's time of a training step of the backbone alone" in printed
    assert found['host'] and found['threads'] == 1
    assert found['size'] == [32, 32] and found['batch_size'] == 2
    for cells, row in zip(lines_of(printed, '│'), found['rows']):
        parts = [row[f'launched_{part}'] for part in comparison.PARTS]
        assert row['launched'] == sum(parts)
        assert numbers_of(cells[7:]) == pytest.approx(
            [row['launched'], *parts, row['launched_ratio']], abs=0.0051)
    assert picture.exists()


@pytest.mark.parametrize('more, size, batch_size, rounds', [
    ([], (800, 1333), 1, 5),
    (['--host'], (32, 32), 2, 30),
    (['--host', '--batch-size', '4', '--size', '64', '96', '--rounds', '3'],
     (64, 96), 4, 3),
])
def test_defaults(load_tool, more, size, batch_size, rounds):
    args = load_tool('benchmark').parse_args(['a.py', *more])
    assert (tuple(args.size), args.batch_size,
            args.rounds) == (size, batch_size, rounds)


@pytest.mark.parametrize('more', [[], ['--inference']])
@pytest.mark.parametrize('kind', ['png', 'svg'])
def test_picture(benchmark, tiny_cls, tmp_path, more, kind):
    path = tmp_path / f'costs.{kind}'
    benchmark([tiny_cls, *SMALL, *more, '--picture', str(path)])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if kind == 'png':
        assert cv2.imread(str(path)).std() > 1
    else:
        assert '<svg' in path.read_text()


def test_images_are_as_large_as_it_says(benchmark, tiny_seg, monkeypatch):
    """mmseg's preprocessor pads to the size of the config's crops."""
    seen = []
    forward = OREPAResNet.forward

    def watched(self, x):
        seen.append(tuple(x.shape))
        return forward(self, x)

    monkeypatch.setattr(OREPAResNet, 'forward', watched)
    benchmark([tiny_seg, '--size', '64', '32', '--rounds', '1'])
    benchmark([tiny_seg, '--size', '64', '32', '--rounds', '1', '--inference'])
    assert set(seen) == {(1, 3, 64, 32)}


@pytest.mark.parametrize('more, message', [
    ([], 'takes no training step'),
    (['--inference'], 'does not run on random images'),
])
def test_a_model_that_fails_writes_nothing(benchmark, tiny_seg, capsys,
                                           tmp_path, more, message):
    config, out = tmp_path / 'broken.py', tmp_path / 'costs.json'
    config.write_text(f"_base_ = '{tiny_seg}'\n"
                      'model = dict(decode_head=dict(in_channels=7))')
    with pytest.raises(SystemExit) as stop:
        benchmark([str(config), *SMALL, *more, '--out', str(out)])
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert stop.value.code != 0 and told.startswith('error: config')
    assert message in told and not out.exists()


def test_backbone_alone(benchmark, tiny_seg, capsys, tmp_path):
    found = []
    for more in ([], ['--backbone']):
        out = tmp_path / f'costs{len(more)}.json'
        benchmark([tiny_seg, *SMALL, *more, '--out', str(out)])
        found.append(json.loads(out.read_text()))
    assert 'of the backbone alone' in capsys.readouterr().out
    whole, alone = found
    assert alone['backbone'] and not whole['backbone']
    assert alone['rows'][0]['parameters'] < whole['rows'][0]['parameters']


@pytest.mark.parametrize('arguments, message', [
    (['--rounds', '0'], '--rounds (=0) must be at least 1'),
    (['--size', '64', '-1'], '--size (=-1) must be at least 1'),
    (['--batch-size', '0'], '--batch-size (=0) must be at least 1'),
    (['--out', 'nowhere/a.json'], 'the folder of --out is not there'),
    (['--picture', 'nowhere/a.png'], 'the folder of --picture is not there'),
    (['--picture', 'a.jpg'], "--picture (='a.jpg') must end in .png or .svg"),
    (['--picture', 'a.png', '--out', './a.png'
      ], "--out and --picture (='a.png') must be two files"),
    (['--inference', '--backbone'], '--backbone is of training steps'),
    (['--inference', '--host'], '--host measures training steps'),
    (['--inference', '--kernels', 'apart'], '--kernels is of training steps'),
    (['--amp', 'bfloat16'], "--amp (='bfloat16') needs a GPU"),
    (['--inference', '--out', '.'], "'.' is a folder: name another --out"),
])
def test_impossible_arguments(benchmark, tiny_seg, capsys, unmeasured,
                              arguments, message):
    with pytest.raises(SystemExit) as stop:
        benchmark([tiny_seg, *arguments])
    told = capsys.readouterr().err.strip().splitlines()
    assert stop.value.code != 0 and len(told) == 1
    assert told[0].startswith('error: ') and message in told[0]


def test_a_config_is_not_written_over(benchmark, tiny_seg, capsys, unmeasured):
    with pytest.raises(SystemExit):
        benchmark([tiny_seg, '--out', tiny_seg])
    assert 'is what is to be measured: name another' in capsys.readouterr().err
