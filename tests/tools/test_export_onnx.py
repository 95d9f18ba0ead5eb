"""tools/export_onnx.py exports from all hosts and refuses bad input."""
import re
from pathlib import Path

import pytest
import torch

from mmrep.deploy.verify import relative_difference
from mmrep.export.onnx_session import run, session

from ..boxes.detectors import tamed
from ..refusals import refused

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

SMALL = ('--size', '32', '64')


@pytest.fixture
def tool(load_tool):
    return load_tool('export_onnx')


@pytest.fixture
def export(tool):
    return tool.main


@pytest.mark.parametrize('config, part', [('tiny_seg', 'whole'),
                                          ('tiny_cls', 'whole'),
                                          ('tiny_det', 'neck')])
@torch.no_grad()
def test_hosts(export, said, config, part, config_of, tmp_path, trained):
    """The file of a trained net is like that of a plain net."""
    config = config_of(config)
    model, out = trained(config, tmp_path / 'net.pth'), tmp_path / 'net.onnx'
    files = [config, str(tmp_path / 'net.pth'), str(out)]
    export([*files, '--part', part, *SMALL])
    assert sorted(p.name
                  for p in tmp_path.iterdir()) == ['net.onnx', 'net.pth']
    runs, x = session(str(out)), torch.randn(4, 3, 96, 64)
    expected = dict(
        neck=lambda: model.extract_feat(x),
        whole=lambda: [
            model.encode_decode(x, [dict(img_shape=x.shape[2:])])
            if hasattr(model, 'encode_decode') else model(x)
        ])[part]()
    found = run(runs, x)
    assert len(found) == len(expected)
    for a, b in zip(expected, found):
        assert relative_difference(a, b) < 1e-4
    line, = said
    assert f': {part}, ' in line
    assert line.endswith('axes of any size: batch, height, width')
    fused, before = map(int, re.findall(r'(\d+) Conv', line))
    assert fused < before


def test_a_fused_net(export, said, load_tool, seg, tmp_path, trained):
    """Files of tools/fuse.py; nodes of a given training form count."""
    trained(seg, tmp_path / 'net.pth')
    fused = str(tmp_path / 'fused.pth')
    load_tool('fuse').main([seg, str(tmp_path / 'net.pth'), fused])
    files = [str(tmp_path / 'fused.py'), fused, str(tmp_path / 'net.onnx')]
    export([*files, '--part', 'backbone', *SMALL])
    export([*files, '--part', 'backbone', '--training-config', seg, *SMALL])
    alone, both = said
    assert ' 20 Conv;' in alone and ' 20 Conv (training form' in both


def test_a_failed_check_writes_nothing(export, capsys, seg, tmp_path,
                                       monkeypatch, trained):
    trained(seg, tmp_path / 'net.pth')
    monkeypatch.setattr('mmrep.export.onnx_check.worst_of_shapes',
                        lambda *_: 2.5e-3)
    message = refused(export, capsys, tmp_path, seg, tmp_path / 'net.pth',
                      tmp_path / 'net.onnx', *SMALL)
    assert '2.5e-03' in message and '1e-04' in message


def test_a_failed_write_leaves_nothing(export, capsys, seg, tmp_path,
                                       monkeypatch, trained):
    trained(seg, tmp_path / 'net.pth')

    def fail(self, data):
        raise OSError('disk full')

    monkeypatch.setattr(Path, 'write_bytes', fail)
    message = refused(export, capsys, tmp_path, seg, tmp_path / 'net.pth',
                      tmp_path / 'net.onnx', *SMALL)
    assert 'disk full' in message


def test_bad_input(export, capsys, seg, tiny_det, tmp_path, trained):
    good, out = tmp_path / 'net.pth', tmp_path / 'net.onnx'
    trained(seg, good)
    (tmp_path / 'folder.onnx').mkdir()
    link = tmp_path / 'link.onnx'
    link.symlink_to(tiny_det)
    for arguments, part in [
        (('nowhere.py', good, out), 'nowhere.py'),
        ((seg, 'nowhere.pth', out), 'nowhere.pth'),
        ((seg, good, tmp_path / 'net.pt'), 'must end in .onnx'),
        ((seg, good, tmp_path / 'folder.onnx'), 'is a folder'),
        ((seg, good, tmp_path / 'no' / 'net.onnx'), 'is not there'),
        ((seg, good, out, '--size', '0', '8'), 'at least 1'),
        ((tiny_det, good, out), 'another architecture'),
        ((seg, good, out, '--training-config', 'no.py'), 'no.py'),
        ((seg, good, out, '--training-config', seg), 'leave it out'),
        ((seg, good, link, '--training-config', tiny_det), 'to be exported'),
        ((seg, good, ''), 'must end in .onnx'),
    ]:
        assert part in refused(export, capsys, tmp_path, *arguments)


def test_boxes(export, said, config_of, tmp_path, trained):
    """A detector's file has the boxes that mmdet predicts for its data."""
    config = config_of('tiny_det')
    trained(config, tmp_path / 'net.pth', tamed)
    export([config, *map(str, (tmp_path / 'net.pth', tmp_path / 'net.onnx'))])
    line, = said
    assert re.search(r': whole, .* \d+ boxes .*on 1\d images differ', line)
    runs = session(str(tmp_path / 'net.onnx'))
    shapes = [output.shape for output in runs.get_outputs()]
    assert shapes == [['batch', 100, 4], ['batch', 100], ['batch', 100]]


def test_random_images(export, said, config_of, tmp_path, trained):
    """They serve where the dataset is on another machine."""
    config = Path(config_of('tiny_det'))
    with config.open('a') as file:
        file.write("\nval_dataloader = dict(dataset=dict(ann_file='no.json'))")
    trained(config, tmp_path / 'net.pth', tamed)
    files = map(str, (config, tmp_path / 'net.pth', tmp_path / 'net.onnx'))
    export([*files, '--size', '64', '64'])
    warned, line = said
    assert 'random images' in warned and ' on 8 images differ by' in line


@pytest.mark.parametrize('change, words', [
    ("bbox_head=dict(type='SABLRetinaHead', _delete_=True, num_classes=2, "
     "in_channels=16)", 'a SABLRetinaHead makes its boxes in its own way'),
    ("test_cfg=dict(nms=dict(type='soft_nms'))", 'hard suppression alone'),
    ('test_cfg=dict(max_per_img=-1)', '`max_per_img` (=-1)'),
    ('test_cfg=dict(nms_pre=-1)', '`nms_pre` above 0'),
])
def test_unsupported_boxes(export, capsys, config_of, tmp_path, change, words,
                           trained):
    config = Path(config_of('tiny_det'))
    text = config.read_text()
    config.write_text(f'{text}\nmodel.update({change})')
    trained(config, tmp_path / 'net.pth')
    message = refused(export, capsys, tmp_path, config, tmp_path / 'net.pth',
                      tmp_path / 'net.onnx')
    assert words in message


def test_without_onnx(export, capsys, seg, tmp_path, monkeypatch):
    monkeypatch.setattr('mmrep.export.onnx_session.find_spec', lambda _: None)
    message = refused(export, capsys, tmp_path, seg, 'net.pth',
                      tmp_path / 'net.onnx')
    assert 'pip install onnx onnxruntime' in message
