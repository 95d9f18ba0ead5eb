"""NNCF's INT8 files: convolutions of bytes, boxes in float32."""
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from mmrep.errors import UserError
from mmrep.inference.int8_openvino import nodes_of_boxes, quantize_openvino
from mmrep.inference.runtimes import open_runtime

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
if not find_spec('openvino') or not find_spec('nncf'):
    # an import here would be one without the precautions of the package
    pytest.skip('needs openvino and nncf', allow_module_level=True)
if not hasattr(torch, 'uint16'):
    pytest.skip('NNCF 3.4 needs PyTorch 2.3', allow_module_level=True)

BOXES = [[0., 0., 12., 12.], [2., 2., 10., 14.]]
PATH = (
    ('Conv', 'input kernel', 'feature', dict(pads=[1, 1, 1, 1])),
    ('RoiAlign', 'feature boxes images', 'bins0', dict(sampling_ratio=2)),
    ('Slice', 'boxes zero zero', 'none', {}),  # a level without regions
    ('Slice', 'images zero zero', 'no_images', {}),
    ('RoiAlign', 'feature none no_images', 'bins1', {}),
    ('Concat', 'bins0 bins1', 'bins', dict(axis=0)),
    ('Flatten', 'bins', 'flat', {}),
    ('MatMul', 'flat dense', 'logits', {}),
    ('TopK', 'logits count', 'best places', {}),
    ('MatMul', 'best project', 'decoded', {}),
)


def constants():
    """Return the numbers of the graph."""
    draw = torch.Generator().manual_seed(0)
    return dict(
        kernel=torch.randn(8, 3, 3, 3, generator=draw),
        boxes=torch.tensor(BOXES),
        images=torch.zeros(2, dtype=torch.int64),
        zero=torch.tensor([0]),
        dense=torch.randn(8, 5, generator=draw),
        count=torch.tensor([3]),
        project=torch.randn(3, 2, generator=draw))


@pytest.fixture(scope='module')
def data():
    """Return a file that pools in regions, chooses by score and decodes."""
    value = onnx.helper.make_tensor_value_info
    nodes = [
        onnx.helper.make_node(
            kind, takes.split(), gives.split(), name=gives, **options)
        for kind, takes, gives, options in PATH
    ]
    graph = onnx.helper.make_graph(
        nodes, 'net', [value('input', 1, [1, 3, 16, 16])],
        [value('logits', 1, [2, 5]),
         value('decoded', 1, [2, 2])], [
             onnx.numpy_helper.from_array(each.numpy(), name)
             for name, each in constants().items()
         ])
    opset = [onnx.helper.make_opsetid('', 17)]
    return onnx.helper.make_model(
        graph, opset_imports=opset, ir_version=8).SerializeToString()


@pytest.fixture(scope='module')
def images():
    draw = torch.Generator().manual_seed(1)
    return [torch.randn(1, 3, 16, 16, generator=draw) for _ in range(4)]


@pytest.fixture(scope='module')
def int8(data, images):
    return quantize_openvino(data, iter(images))


def test_nodes_of_boxes(data):
    """The layer on pooled features is of the net again."""
    graph = onnx.load_from_string(data).graph
    assert nodes_of_boxes(graph) == [
        'bins0', 'bins1', 'bins', 'best places', 'decoded'
    ]


def test_file(int8):
    """Weights of the net are bytes; numbers behind a choice are not."""
    graph = onnx.load_from_string(int8).graph
    kinds = {each.name: each.data_type for each in graph.initializer}
    made = {name: node for node in graph.node for name in node.output}
    weights = {
        node.name: node.input[1]
        for node in graph.node if node.op_type in ('Conv', 'MatMul')
    }
    sizes = {each.name: list(each.dims) for each in graph.initializer}
    for name, channels in (('feature', 8), ('logits', 5)):
        scaled = made[weights[name]]
        assert scaled.op_type == 'DequantizeLinear'
        weight, scale, _ = scaled.input
        assert kinds[weight] == onnx.TensorProto.INT8
        assert sizes[scale] == [channels]
    assert weights['decoded'] == 'project'
    assert kinds['project'] == onnx.TensorProto.FLOAT


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
def test_numbers(data, int8, images, runtime):
    before, after = (open_runtime(each, runtime) for each in (data, int8))
    for place in range(2):
        expected, found = (
            np.stack([each.run(image.numpy())[place] for image in images])
            for each in (before, after))
        error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
        assert 0 < error < 0.1


def test_silence(data, images, capfd):
    """No progress bar, no line of a log, no package that reports."""
    quantize_openvino(data, images[:1])
    assert capfd.readouterr() == ('', '')
    from nncf.telemetry import wrapper
    assert not hasattr(wrapper, 'Telemetry')


def test_refusals(data, images, monkeypatch):
    with pytest.raises(UserError, match='no image to calibrate with'):
        quantize_openvino(data, [])
    wrong = [image[:, :, :8] for image in images]
    with pytest.raises(UserError, match='^NNCF cannot quantise this net: '):
        quantize_openvino(data, wrong)
    monkeypatch.setattr('mmrep.export.onnx_session.find_spec',
                        lambda name: None if name == 'nncf' else sys)
    with pytest.raises(UserError, match='^nncf cannot .*: pip install nncf$'):
        quantize_openvino(data, images)
