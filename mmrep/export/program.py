"""Export a model by torch.export to a .pt2 file and check it.

An axis counts as free only if the program computes the same as torch at other
sizes, too: torch can fix sizes of its example or bound them.
"""
import io
from contextlib import redirect_stderr
from typing import Any, Callable, Dict, List, NamedTuple

import torch
from torch import Tensor, nn

from ..compat.quiet import muted
from ..errors import UserError, brief
from .input_kinds import Shape, random_input
from .program_check import worst_of_shapes

TOLERANCE = 1e-4  # relative
VERSION = '2.6'  # the first with all that is used here
# torch takes a side of one pixel for a constant: the example must be so large
# that the coarsest features, of stride 128, have several
EXAMPLE = (288, 320)


class Freedom(NamedTuple):
    """Axes that may be of any size.

    Attributes:
        batch: True if the batch is free.
        step: The number of pixels that heights and widths are multiples of,
            0 if they are fixed.
        text: The free axes in words.
    """

    batch: bool
    step: int
    text: str


# the first that holds is taken; nets that join upsampled features need
# multiples of their stride
FREEDOMS = (Freedom(True, 1, 'batch, height, width'),
            Freedom(True, 32,
                    'batch, height and width (both multiples of 32)'),
            Freedom(True, 0, 'batch'), Freedom(False, 0, 'none'))


class Program(NamedTuple):
    """A .pt2 file that is not written yet, and how it was checked.

    Attributes:
        data: The bytes of the file.
        free: The axes of any size, in words.
        shapes: The shapes of the inputs on which it was compared.
        worst: The largest relative difference on these.
    """

    data: bytes
    free: str
    shapes: List[Shape]
    worst: float


def need_export() -> None:
    """Refuse a version of torch that cannot export and save programs.

    Raises:
        UserError: Torch is too old.
    """
    dim = getattr(getattr(torch, 'export', None), 'Dim', None)
    if not hasattr(dim, 'DYNAMIC'):
        raise UserError(f'this PyTorch (={torch.__version__}) lacks parts of '
                        f'torch.export: install PyTorch {VERSION} or later')


def export(part: nn.Module, reference: Callable[[Tensor], tuple],
           shape: Shape) -> Program:
    """Export a part with as many free axes as hold, compared with torch.

    Args:
        part: The part to export, in eval mode.
        reference: The function to compare with.
        shape: The shape (N, C, H, W) of inputs; N becomes 1 if no axis is
            free.

    Raises:
        UserError: The part cannot be exported, or the program and torch
            differ.
    """
    for freedom in FREEDOMS:
        batch = shape[0] if freedom.batch else 1
        try:
            return _checked(part, reference, (batch, *shape[1:]), freedom)
        except UserError as error:
            fault = error
    raise fault


def _checked(part: nn.Module, reference: Callable[[Tensor], tuple],
             shape: Shape, freedom: Freedom) -> Program:
    data = to_program(part, shape, freedom)
    shapes = other_shapes(shape, freedom)
    worst = worst_of_shapes(data, reference, shapes)
    if not worst <= TOLERANCE:
        raise UserError(f'not written: the program and torch differ by '
                        f'{worst:.1e} relative, more than {TOLERANCE:.0e}')
    return Program(data, freedom.text, shapes, worst)


def other_shapes(shape: Shape, freedom: Freedom) -> List[Shape]:
    """Return the given shape and others that differ in free axes."""
    batch, channels, height, width = shape
    shapes = [shape]
    if freedom.step:
        # odd sizes show more than even ones
        growth = (37, 11) if freedom.step == 1 else (64, 32)
        shapes.append((1, channels, height + growth[0], width + growth[1]))
    if freedom.batch:
        shapes.append((batch + 1, channels, height, width))
    return shapes


def to_program(part: nn.Module, shape: Shape, freedom: Freedom) -> bytes:
    """Export a part to the bytes of a .pt2 file, unchecked.

    Args:
        part: The part to export.
        shape: The shape (N, C, H, W) of inputs.
        freedom: The axes of any size.

    Raises:
        UserError: The part does not run, or torch cannot export it.
    """
    x = random_input(shape)
    try:
        with torch.no_grad():
            part(x)
    except Exception as error:  # whatever a model raises
        raise UserError('the model does not run on an input of '
                        f'{tuple(shape)}: {brief(error)}') from error
    if freedom.step:
        sides = [
            -(-max(pair) // freedom.step) * freedom.step
            for pair in zip(shape[2:], EXAMPLE)
        ]
        x = random_input((*shape[:2], *sides))
    file = io.BytesIO()
    try:
        # torch logs each guard that fails, and prints the graph
        with muted(), redirect_stderr(io.StringIO()), torch.no_grad():
            program = torch.export.export(
                part, (x, ), dynamic_shapes=(_axes(freedom), ), strict=False)
            torch.export.save(program, file)
    except Exception as error:  # whatever a model or torch raises
        raise UserError('torch cannot export this model to a program: '
                        f'{brief(error)}') from error
    return file.getvalue()


def _axes(freedom: Freedom) -> Dict[int, Any]:
    dim, axes = torch.export.Dim, {}
    if freedom.batch:
        axes[0] = dim('batch')
    if freedom.step == 1:  # torch finds the smallest size by itself
        axes.update({2: dim.DYNAMIC, 3: dim.DYNAMIC})
    elif freedom.step:
        axes.update({
            2: freedom.step * dim('height'),
            3: freedom.step * dim('width')
        })
    return axes
