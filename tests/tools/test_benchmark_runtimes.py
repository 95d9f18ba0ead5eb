"""tools/benchmark_runtimes.py compares runtimes and refuses bad arguments."""
import json
import sys

import pytest

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')


@pytest.fixture
def tool(load_tool):
    return load_tool('benchmark_runtimes')


def test_table(tool, tiny_cls, capsys, tmp_path):
    """A row for each form, with the numbers of the JSON file."""
    out = tmp_path / 'latency.json'
    tool.main([
        tiny_cls, '--size', '32', '64', '--rounds', '1', '--int8',
        '--runtimes', 'onnxruntime', '--json',
        str(out)
    ])
    printed, found = capsys.readouterr().out, json.loads(out.read_text())
    assert found['size'] == [32, 64] and found['rounds'] == 1
    assert set(found['versions']) == {'torch', 'onnx', 'onnxruntime'}
    rows = found['rows']
    assert [(row['form'], row['runtime'], row['precision'])
            for row in rows] == [('plain', 'torch', 'float32'),
                                 ('fused', 'onnxruntime', 'float32'),
                                 ('fused', 'onnxruntime', 'INT8')]
    lines = [[cell.strip() for cell in line.split('│')[3:-1]]
             for line in printed.splitlines() if ' ms ' in line]
    assert lines == [[
        row['runtime'], row['precision'], '',
        f"{1000 * row['seconds']:.1f} ms",
        f"{row['seconds'] / rows[0]['seconds']:.2f}"
    ] for row in rows]
    assert f"on the CPU, {found['threads']} threads, torch" in printed


def test_boxes_are_told(tool, capsys):
    row = dict(
        config='a.py',
        form='plain',
        runtime='torch',
        precision='float32',
        boxes=50,
        seconds=0.5,
        ratio=1.)
    found = dict(size=[8, 9], threads=1, versions=dict(a='2'), rows=[row])
    tool.console.print(tool.table_of(found))
    line, = [
        line for line in capsys.readouterr().out.splitlines() if 'a.py' in line
    ]
    cells = [cell.strip() for cell in line.split('│')[1:-1]]
    assert cells == [
        'a.py', 'plain', 'torch', 'float32', '50', '500.0 ms', '1.00'
    ]


def test_several_nets(tool, tiny_cls, plain, monkeypatch):
    """Each has its own plain net as the reference."""
    args = tool.parse_args([
        tiny_cls, plain, '--size', '32', '32', '--rounds', '1', '--runtimes',
        'torch'
    ])
    rows = tool.measure(args)['rows']
    assert [row['config'] for row in rows] == [tiny_cls] * 4 + [plain]
    assert [row['form'] for row in rows
            ] == ['plain', 'branch by branch', 'eval', 'fused', 'plain']
    assert rows[0]['ratio'] == rows[-1]['ratio'] == 1


@pytest.fixture
def plain(tiny_cls, tmp_path):
    path = tmp_path / 'plain.py'
    path.write_text(f"_base_ = '{tiny_cls}'\n"
                    "model = dict(backbone=dict(type='ResNet', "
                    'stem_channels=8))')
    return str(path)


@pytest.mark.parametrize('arguments, message', [
    (['--rounds', '0'], '--rounds (=0) must be at least 1'),
    (['--size', '64', '0'], '--size (=0) must be at least 1'),
    (['--json', 'nowhere/a.json'], 'the folder of --json is not there'),
    (['--int8'], 'nncf cannot be imported: pip install nncf'),
])
def test_refusals(tool, tiny_cls, capsys, monkeypatch, arguments, message):
    monkeypatch.setattr(tool, 'latency_forms', lambda *_: pytest.fail('late'))
    monkeypatch.setattr('mmrep.export.onnx_session.find_spec',
                        lambda name: None if name == 'nncf' else sys)
    with pytest.raises(SystemExit) as stop:
        tool.main([tiny_cls, *arguments])
    told = capsys.readouterr().err.strip().splitlines()
    assert stop.value.code != 0 and len(told) == 1
    assert told[0].startswith('error: ') and message in told[0]
