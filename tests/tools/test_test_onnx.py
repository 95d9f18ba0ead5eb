"""tools/test_onnx.py evaluates files of all hosts and refuses bad input."""
import json
import math

import pytest
import torch

from mmrep.cli import build_model, load_config
from mmrep.export.onnx_export import to_onnx
from mmrep.export.onnx_parts import Part
from mmrep.fusing.net import fuse
from mmrep.testing import randomize_norms

from ..refusals import refused

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

CASES = [('tiny_seg', 'mIoU', (32, 64)),
         ('tiny_cls', 'accuracy/top1', (32, 32)),
         ('tiny_det', 'coco/bbox_mAP', (32, 64))]


@pytest.fixture
def tool(load_tool):
    return load_tool('test_onnx')


def files_of(config, size, folder):
    """Write the checkpoint of a training form, and its file once fused."""
    torch.manual_seed(0)
    model = randomize_norms(build_model(load_config(config))).eval()
    if hasattr(model, 'bbox_head'):  # boxes at all
        torch.nn.init.zeros_(model.bbox_head.retina_cls.bias)
    torch.save(dict(state_dict=model.state_dict()), folder / 'net.pth')
    data = to_onnx(Part(fuse(model), 'whole'), (2, 3, *size), ('batch', ))
    (folder / 'net.onnx').write_bytes(data)
    return folder / 'net.onnx', folder / 'net.pth'


@pytest.mark.parametrize('config, metric, size', CASES)
def test_hosts(tool, config, metric, size, request, tmp_path, capsys):
    """Metrics are those of the checkpoint, in the table and in the JSON."""
    config = request.getfixturevalue(config)
    net, checkpoint = files_of(config, size, tmp_path)
    tool.main([
        config,
        str(net), '--checkpoint',
        str(checkpoint), '--tolerance', '0.001', '--json',
        str(tmp_path / 'found.json')
    ])
    found = json.loads((tmp_path / 'found.json').read_text())
    assert list(found['scores']) == ['onnxruntime', 'torch']
    assert metric in found['scores']['torch']
    assert found['differences'].keys() == found['scores']['torch'].keys()
    printed = capsys.readouterr().out
    assert metric in printed and 'difference' in printed
    assert 'index' not in printed  # as pycocotools says


def test_the_file_alone(tool, tiny_cls, tmp_path, capsys):
    """No checkpoint is needed, and overrides reach the data."""
    net, _ = files_of(tiny_cls, (32, 32), tmp_path)
    tool.main([
        tiny_cls,
        str(net), '--cfg-options', 'test_dataloader.dataset.indices=3',
        'test_dataloader.dataset.serialize_data=False'
    ])
    printed = capsys.readouterr()
    assert 'accuracy/top1' in printed.out and 'torch' not in printed.out
    assert 'on 3 images' in printed.out + printed.err


def test_beyond_the_tolerance(tool, tiny_cls, tmp_path, capsys, monkeypatch):
    """The numbers are printed and written, then the tool fails."""
    net, checkpoint = files_of(tiny_cls, (32, 32), tmp_path)
    scores = iter(
        [dict(a=0.5, b=1., c=math.nan),
         dict(a=0.501, b=3., c=math.nan)] * 2)
    monkeypatch.setattr(tool, 'evaluate', lambda *_: next(scores))
    command = [
        tiny_cls,
        str(net), '--checkpoint',
        str(checkpoint), '--json',
        str(tmp_path / 'a.json')
    ]
    tool.main(command)  # without a tolerance any difference is a result
    found = json.loads((tmp_path / 'a.json').read_text())
    assert found['differences'] == dict(a=pytest.approx(-0.001), b=-2, c=0)
    (tmp_path / 'a.json').unlink()
    with pytest.raises(SystemExit) as stop:
        tool.main([*command, '--tolerance', '0.001'])
    assert stop.value.code == 1
    assert capsys.readouterr().err.strip() == (
        'error: b differs from that of torch by -2.0000, more than '
        '--tolerance (=0.001) allows')
    assert (tmp_path / 'a.json').exists()


def test_refused(tool, tiny_seg, tiny_cls, tiny_det, tmp_path, capsys):
    net, checkpoint = files_of(tiny_cls, (32, 32), tmp_path)
    junk = tmp_path / 'junk.onnx'
    junk.write_bytes(b'junk')
    gone = ('--cfg-options', 'test_dataloader.dataset.data_root=gone')
    for arguments, part in [
        ((tiny_cls, tmp_path / 'none.onnx'), 'no such file'),
        ((tiny_cls, junk), 'is no ONNX file'),
        ((tiny_cls, checkpoint), 'is no ONNX file'),
        ((tiny_det, net), 'of a RetinaNet, a detector: name the config'),
        ((tiny_seg, net), 'a segmentor: name the config'),
        ((tiny_cls, net, *gone), "no dataset at 'gone'"),
        ((tiny_cls, net, '--tolerance', '1'), 'needs --checkpoint'),
        ((tiny_cls, net, '--checkpoint', checkpoint, '--tolerance', '-1'),
         '--tolerance (=-1.0)'),
        ((tiny_cls, net, '--json', net), 'is what is to be evaluated'),
        ((tiny_seg, net, '--checkpoint', 'none.pth'), 'name the config'),
        ((tiny_cls, net, '--checkpoint', tmp_path / 'none.pth'), 'none.pth'),
    ]:
        message = refused(tool.main, capsys, tmp_path, *arguments)
        assert part in message, message
