"""Export a model to an ONNX file and check it with onnxruntime.

The exporter is the one that traces. All versions of torch have it, while the
one of torch.export has its present form since 2.5 and needs another package.
A trace can fix sizes of its example, so an axis counts as free only if the
file computes the same as torch at other sizes, too.
"""
import inspect
import io
from collections import Counter
from functools import partial
from typing import Callable, List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor

from ..compat.onnx_log import silent_export
from ..errors import UserError, brief
from .input_kinds import IMAGES, TENSORS, Shape, axes_of, other_image_shapes
from .onnx_check import Agreement, Mismatch, Traced
from .onnx_parts import Part

OPSET = 17  # the latest that torch 2.1 exports
INPUT = TENSORS.name
STEP = 32  # pixels; a common stride of the coarsest feature
AXES = tuple(TENSORS.axes)
# sets of free axes to try, and the step of their sizes in pixels; the first
# that holds is taken
FREEDOMS = ((AXES, 1), (AXES, STEP), (('batch', ), 1), ((), 1))

Compare = Callable[[bytes, Traced, Callable[[], bytes]], Agreement]


class Exported(NamedTuple):
    """An ONNX file that is not written yet, and how it was checked.

    Attributes:
        data: The bytes of the file.
        traced: The shapes on which it was compared, and the axes of any size.
        agreement: How well it agrees with torch.
    """

    data: bytes
    traced: Traced
    agreement: Agreement


def export(part: Part, compare: Compare, shape: Sequence[int]) -> Exported:
    """Export a part with as many free axes as hold, compared with torch.

    Args:
        part: The part to export, in eval mode.
        compare: The function that compares the bytes of a file with torch, on
            the shapes that it must take. It gets a function besides that
            exports the part once more.
        shape: The shape of the example, (N, C, H, W), or (N, H, W, C) for
            decoded images; N becomes 1 if no axis is free.

    Raises:
        UserError: The part cannot be exported, or torch and onnxruntime
            differ.
        Mismatch: The part computes something else than its host.
    """
    for free, step in FREEDOMS:
        # an example of two images shows a batch axis, but nobody needs a
        # file that takes exactly two
        batch = shape[0] if free else 1
        try:
            exported = _checked(part, compare, (batch, *shape[1:]), free, step)
        except Mismatch:
            raise
        except UserError as error:
            fault = error
            continue
        return exported
    raise fault


def _checked(part: Part, compare: Compare, shape: Shape, free: Tuple[str, ...],
             step: int) -> Exported:
    again = partial(to_onnx, part, shape, free)
    others = other_image_shapes if part.takes is IMAGES else other_shapes
    traced = Traced(others(shape, free, step), free, step, part.takes)
    data = again()
    try:
        agreement = compare(data, traced, again)
    except UserError:
        raise
    except Exception as error:  # whatever onnxruntime or a host raises
        raise UserError('not written: onnxruntime or the net in torch does '
                        f'not run on an input: {brief(error)}') from error
    if agreement.fault:
        raise UserError(f'not written: {agreement.fault}')
    return Exported(data, traced, agreement)


def other_shapes(shape: Sequence[int],
                 free: Sequence[str],
                 step: int = 1) -> List[Shape]:
    """Return the example's shape and others that differ in free axes.

    Args:
        shape: The shape of the example.
        free: The names of the axes of any size.
        step: The number of pixels that divides the differences of heights and
            widths. Defaults to 1.
    """
    batch, channels, height, width = shape
    shapes = [(batch, channels, height, width)]
    if 'height' in free:
        # odd sides, which no stride divides
        sides = (height + step,
                 width + 2 * step) if step > 1 else ((height + 2 * STEP) | 1,
                                                     max(width // 2, 32) | 1)
        shapes.append((1, channels, *sides))
    if 'batch' in free:
        shapes.append((batch + 1, channels, height, width))
    return shapes


def to_onnx(part: Part, shape: Sequence[int],
            free: Sequence[str] = ()) -> bytes:
    """Export a part to the bytes of an ONNX file, unchecked.

    Args:
        part: The part to export.
        shape: The shape of the example, (N, C, H, W), or (N, H, W, C) for
            decoded images.
        free: The names of the axes of any size. Defaults to none.

    Raises:
        UserError: The part does not run, or torch cannot export it.
    """
    kind = getattr(part, 'takes', TENSORS)
    x = kind.draw(shape, 0)
    with torch.no_grad():
        try:
            outputs = part(x)
        except Exception as error:  # whatever a model raises
            raise UserError('the model does not run on an input of '
                            f'{tuple(shape)}: {brief(error)}') from error
    names = part.names(len(outputs))
    axes = {kind.name: {kind.axes[name]: name for name in free}}
    for name, tensor in zip(names, outputs):
        axes[name] = {
            place: axis if axis == 'batch' else f'{name}_{axis}'
            for axis, place in axes_of(_layout(part, tensor)).items()
            if axis in free
        }
    options = dict(
        input_names=[kind.name], output_names=names, dynamic_axes=axes)
    return _trace(part, x, options)


def _layout(part: Part, output: Tensor) -> str:
    """Return the axes of an output that are those of the images."""
    if getattr(part, 'labels', False):
        return 'NHW'
    return 'NCHW' if output.dim() == 4 else 'N'


def _trace(part: Part, x: Tensor, options: dict) -> bytes:
    if 'dynamo' in inspect.signature(torch.onnx.export).parameters:
        options['dynamo'] = False
    # suppression and pooling of regions have ONNX operators of their own,
    # which inlining would lose
    options['autograd_inlining'] = not getattr(part, 'makes_boxes', False)
    file = io.BytesIO()
    try:
        with silent_export(), torch.no_grad():
            torch.onnx.export(
                part, (x, ), file, opset_version=OPSET, **options)
    except Exception as error:  # whatever a model or the exporter raises
        raise UserError('torch cannot export this model to ONNX: '
                        f'{brief(error)}') from error
    return file.getvalue()


def count_nodes(data: bytes) -> Counter:
    """Count the nodes of each kind, without constants and identities.

    The exporter keeps one of equal constants and puts an Identity in place of
    each of the others.
    """
    import onnx
    nodes = onnx.load_from_string(data).graph.node
    return Counter(
        node.op_type for node in nodes
        if node.op_type not in ('Constant', 'Identity'))
