"""What files take and give, read from files made by hand."""
import pytest

from mmrep.errors import UserError
from mmrep.inference.onnx_file import read_onnx

from ..refusals import sentence

onnx = pytest.importorskip('onnx')

BOXES = (('boxes', 3), ('scores', 2), ('labels', 2))
AXES = ('batch', 3, 'height', 'width')


def file_of(outputs, inputs=(('input', AXES), ), kind=None):
    """The bytes of a file of identities."""
    kind = onnx.TensorProto.FLOAT if kind is None else kind
    inputs = [
        onnx.helper.make_tensor_value_info(name, kind, axes)
        for name, axes in inputs
    ]
    outputs = [
        onnx.helper.make_tensor_value_info(name, kind, [None] * axes)
        for name, axes in outputs
    ]
    nodes = [
        onnx.helper.make_node('Identity', [inputs[0].name], [each.name])
        for each in outputs
    ]
    graph = onnx.helper.make_graph(nodes, 'net', inputs, outputs)
    return onnx.helper.make_model(graph).SerializeToString()


@pytest.mark.parametrize('outputs, kind', [
    (BOXES, 'detector'),
    (BOXES[::-1], 'detector'),
    ([('logits', 4)], 'segmentor'),
    ([('labels', 3)], 'segmentor'),
    ([('logits', 2)], 'classifier'),
    ([('logits', 0)], 'segmentor or classifier'),
])
def test_kinds(outputs, kind):
    found = read_onnx(file_of(outputs))
    assert found.kind == kind and not found.raw
    assert found.outputs == tuple(name for name, _ in outputs)
    assert found.shape == (None, 3, None, None)


def test_raw_images(tmp_path):
    """A file of pixels, read from a path."""
    path = tmp_path / 'net.onnx'
    path.write_bytes(
        file_of(BOXES, [('image', (1, 8, 9, 3))], onnx.TensorProto.UINT8))
    found = read_onnx(str(path))
    assert found.raw and found.input == 'image'
    assert found.shape == (1, 8, 9, 3)


def test_sizes():
    """One image is any number of images, which run one by one."""
    one = read_onnx(file_of(BOXES, [('input', (1, 3, 8, 9))]))
    one.check_takes((5, 3, 8, 9), 'val_dataloader')
    two = read_onnx(file_of(BOXES, [('input', (2, 3, 8, 'width'))]))
    two.check_takes((2, 3, 8, 4), 'val_dataloader')
    for file, shape in ((one, (1, 3, 8, 8)), (one, (3, 8, 9)), (two, (1, 3, 8,
                                                                      9))):
        with pytest.raises(UserError, match='only and the data have one of'):
            file.check_takes(shape, 'test_dataloader')
    assert sentence(two.check_takes, (1, 3, 8, 9), 'test_dataloader') == (
        'the ONNX graph of this net takes inputs of 2 x 3 x 8 x any only and '
        'the data have one of 1 x 3 x 8 x 9: set `batch_size` of '
        '`test_dataloader` to 2')


def test_weights_among_the_inputs():
    """Old files list their weights as inputs as well."""
    model = onnx.load_from_string(
        file_of(BOXES, [('input', AXES), ('weight', (2, ))]))
    model.graph.initializer.append(
        onnx.helper.make_tensor('weight', onnx.TensorProto.FLOAT, [2], [0, 0]))
    assert read_onnx(model.SerializeToString()).input == 'input'


@pytest.mark.parametrize('source, part', [
    (b'hello', 'is no ONNX file'),
    (b'', 'is no ONNX file'),
    ('missing.onnx', 'no such file'),
    (file_of([('feature_0', 4), ('feature_1', 4)
              ]), 'outputs (=feature_0, feature_1) are those of no whole net'),
    (file_of([('dets', 3), ('labels', 2)]), "a detector's are boxes, scores"),
    (file_of(BOXES, [('a', AXES), ('b', AXES)]), 'inputs (=a, b) must be one'),
    (file_of(BOXES, kind=onnx.TensorProto.INT64), 'inputs (=input) must be'),
])
def test_refused(source, part):
    message = sentence(read_onnx, source, "'net.onnx'")
    assert part in message and "'net.onnx'" in message
