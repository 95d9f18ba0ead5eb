"""Quantise a trained net to INT8 (static) with NNCF, for OpenVINO.

NNCF takes the ONNX file and gives an ONNX file with QuantizeLinear and
DequantizeLinear nodes and with weights of one byte. OpenVINO runs it as fast
and as exactly as what NNCF makes of its own format, which takes two files;
this one is written, opened and evaluated like that of onnxruntime, which runs
it, too.
"""
import contextlib
import io
import warnings
from typing import Any, Iterable, Iterator, List

from torch import Tensor

from ..compat.quiet import muted
from ..compat.telemetry import without_telemetry
from ..errors import UserError, brief
from ..export.onnx_pool import products_in
from ..export.onnx_session import need

PACKAGES = ('nncf', 'onnx', 'onnxruntime')
CHOICES = ('TopK', 'NonMaxSuppression')
POOLING = 'RoiAlign'


def quantize_openvino(data: bytes, images: Iterable[Tensor]) -> bytes:
    """Quantise the layers of an ONNX file as OpenVINO computes them.

    Weights have a symmetric range per output channel, activations one per
    tensor. What computes with boxes stays in float32.

    Args:
        data: The bytes of the file.
        images: The images to calibrate with, each (1, C, H, W).

    Returns:
        The bytes of the INT8 file.

    Raises:
        UserError: There is no image, a package is missing, or NNCF cannot
            quantise the net.
    """
    need(PACKAGES)
    images = list(images)
    if not images:
        raise UserError('there is no image to calibrate with: give at least 1')
    try:
        with _silent():
            return _quantized(data, images)
    except Exception as error:  # whatever NNCF raises
        raise UserError('NNCF cannot quantise this net: '
                        f'{brief(error)}') from error


def _quantized(data: bytes, images: List[Tensor]) -> bytes:
    import nncf
    import onnx
    model = onnx.load_from_string(data)
    name = model.graph.input[0].name
    inputs = [{name: image.numpy()} for image in images]
    # NNCF's graph has no nodes of shapes alone: some names are not in it
    ignored = nncf.IgnoredScope(
        names=nodes_of_boxes(model.graph) + products_in(model.graph),
        validate=False)
    quantized = nncf.quantize(
        model,
        nncf.Dataset(inputs),
        subset_size=len(inputs),
        target_device=nncf.TargetDevice.CPU,
        ignored_scope=ignored)
    return quantized.SerializeToString()


def nodes_of_boxes(graph: Any) -> List[str]:
    """Return the names of the nodes that compute with chosen boxes.

    These are the nodes behind a choice by score, among them the decoding of
    boxes. The features pooled in regions belong to the net again, but not
    the pooling, since a level without a region has no range.

    Args:
        graph: The graph of an ONNX model, its nodes in order.
    """
    chosen, pooled, names = set(), set(), []
    for node in graph.node:
        if node.op_type == POOLING:
            pooled.update(node.output)
        elif node.op_type in CHOICES or chosen.intersection(node.input):
            chosen.update(node.output)
        elif node.op_type != 'Concat' or not pooled.intersection(node.input):
            continue
        names.append(node.name)
    return names


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep NNCF from reports, logs, warnings and progress bars."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(without_telemetry())
        stack.enter_context(muted())
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        warnings.simplefilter('ignore')
        yield
