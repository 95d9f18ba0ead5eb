"""Compare the outputs of a program of torch.export with those of torch."""
import io
from typing import Callable, Sequence

import torch
from torch import Tensor

from ..errors import UserError, brief
from ..nets.difference import relative_difference
from .input_kinds import Shape, random_input


@torch.no_grad()
def worst_of_shapes(data: bytes, reference: Callable[[Tensor], tuple],
                    shapes: Sequence[Shape]) -> float:
    """Return the largest relative difference of all outputs.

    The inputs are random.

    Args:
        data: The bytes of a .pt2 file.
        reference: The same function in torch.
        shapes: The shapes of the inputs.

    Returns:
        The difference; infinity if the outputs differ in number or shape.

    Raises:
        UserError: One of the two does not run on one of the inputs.
    """
    run, worst = torch.export.load(io.BytesIO(data)).module(), 0.
    for seed, shape in enumerate(shapes):
        x = random_input(shape, seed)
        try:
            expected, found = reference(x), run(x)
        except Exception as error:  # whatever a net or a program raises
            raise UserError(
                'not written: the net or the program does not run '
                f'on an input of {shape}: {brief(error)}') from error
        if [a.shape for a in expected] != [b.shape for b in found]:
            return float('inf')
        worst = max([worst, *map(relative_difference, expected, found)])
    return worst
