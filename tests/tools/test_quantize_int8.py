"""tools/quantize_int8.py takes whole models and refuses bad input."""
import json
from importlib.util import find_spec

import pytest
import torch

from mmrep.export.onnx_export import count_nodes
from mmrep.export.onnx_session import run, session

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

NAMES = ['float32', 'INT8 per channel', 'INT8 per tensor']


@pytest.fixture
def quantize(load_tool):
    return load_tool('quantize_int8').main


@pytest.mark.parametrize('config, metric, convs',
                         [('tiny_seg', 'mIoU', 23),
                          ('tiny_cls', 'accuracy/top1', 21),
                          ('tiny_det', 'coco/bbox_mAP', 48)])
def test_hosts(quantize, config, metric, convs, request, tmp_path, capsys,
               trained):
    """A net fused in memory gives the file, the numbers and the picture."""
    config = request.getfixturevalue(config)
    trained(config, tmp_path / 'net.pth')
    out, numbers = tmp_path / 'net.onnx', tmp_path / 'net.json'
    quantize([
        config,
        str(tmp_path / 'net.pth'),
        str(out), '--images', '3', '--json',
        str(numbers), '--picture',
        str(tmp_path / 'net.png')
    ])
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        'net.json', 'net.onnx', 'net.png', 'net.pth'
    ]
    found = json.loads(numbers.read_text())
    assert list(found['scores']) == NAMES
    assert all(metric in scores for scores in found['scores'].values())
    assert found['images'] == 3 and len(found['layers']) == convs
    assert run(session(str(out)), torch.randn(1, 3, 32, 64))
    printed = capsys.readouterr().out
    assert 'INT8 per tensor' in printed
    assert 'backbone.layer4.1.conv2' in printed


def test_openvino(quantize, tiny_cls, tmp_path, trained):
    """NNCF's file is an ONNX file, evaluated in OpenVINO."""
    if not find_spec('openvino') or not find_spec('nncf'):
        pytest.skip('needs openvino and nncf')
    if not hasattr(torch, 'uint16'):
        pytest.skip('NNCF 3.4 needs PyTorch 2.3')
    trained(tiny_cls, tmp_path / 'net.pth')
    out, numbers = tmp_path / 'net.onnx', tmp_path / 'net.json'
    quantize([
        tiny_cls,
        str(tmp_path / 'net.pth'),
        str(out), '--images', '3', '--json',
        str(numbers), '--runtime', 'openvino'
    ])
    found = json.loads(numbers.read_text())
    assert list(found['scores']) == ['float32', 'INT8']
    assert (found['runtime'], found['calibration']) == ('openvino', 'nncf')
    counts = count_nodes(out.read_bytes())
    assert counts['Conv'] == 20 and counts['QuantizeLinear'] > 20


def test_refused(quantize, capsys, tiny_seg, tiny_det, tmp_path, trained):
    good = tmp_path / 'net.pth'
    trained(tiny_det, good)
    out, soft = tmp_path / 'net.onnx', tmp_path / 'soft.py'
    soft.write_text(f"_base_ = {tiny_det!r}\n"
                    "model = dict(test_cfg=dict(nms=dict(type='soft_nms')))")
    before = sorted(tmp_path.rglob('*'))
    for arguments, part in [
        ((soft, good, out), 'ONNX has hard suppression alone'),
        ((tiny_seg, good, out), 'another architecture'),
        ((tiny_seg, good, tmp_path / 'net.pt'), 'must end in .onnx'),
        ((tiny_seg, good, out, '--images', '0'), '--images (=0)'),
        ((tiny_seg, good, out, '--picture', 'a.jpg'), 'must end in .png'),
        ((tiny_seg, good, out, '--json', out), 'must be different files'),
        ((tiny_seg, good, out, '--runtime', 'openvino', '--calibration',
          'entropy'), 'is for onnxruntime'),
    ]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            quantize([str(arg) for arg in arguments])
        assert stop.value.code != 0
        message = capsys.readouterr().err.strip()
        assert message.startswith('error: ') and '\n' not in message
        assert part in message
    assert sorted(tmp_path.rglob('*')) == before
