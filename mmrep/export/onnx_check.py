"""Compare the outputs of onnxruntime with those of torch."""
from typing import (Any, Callable, Iterable, Iterator, List, NamedTuple,
                    Optional, Tuple)

import torch
from torch import Tensor

from ..errors import UserError
from ..nets.difference import relative_difference
from .input_kinds import TENSORS, InputKind, Shape, random_input
from .onnx_session import run, session

TOLERANCE = 1e-4  # relative


class Mismatch(UserError):
    """A net computes something else than its host; no axes can mend that."""


class Traced(NamedTuple):
    """The shapes of inputs that a file must take.

    Attributes:
        shapes: The shapes to compare at, first that of the example.
        free: The names of the axes of any size.
        step: The number of pixels in whose steps heights and widths are free.
            Defaults to 1.
        kind: The kind of input. Defaults to preprocessed tensors.
    """

    shapes: List[Shape]
    free: Tuple[str, ...]
    step: int = 1
    kind: InputKind = TENSORS

    def axes(self) -> str:
        """Return the axes of any size in words."""
        text = ', '.join(self.free) or 'none'
        steps = self.step > 1 and 'height' in self.free
        return f'{text} (in steps of {self.step} pixels)' if steps else text

    def inputs(self) -> Iterator[Tensor]:
        """Yield a random input of each shape."""
        for seed, shape in enumerate(self.shapes):
            yield self.kind.draw(shape, seed)


class Agreement(NamedTuple):
    """How well a file and torch agree.

    Attributes:
        text: The differences in words.
        fault: The reason not to write the file. Defaults to None: there is
            none.
    """

    text: str
    fault: Optional[str] = None


@torch.no_grad()
def worst_of_shapes(
        data: bytes,
        reference: Callable[[Tensor], tuple],
        shapes: Iterable[Shape],
        draw: Callable[[Shape, int], Tensor] = random_input) -> float:
    """Return the largest relative difference of all outputs.

    The inputs are random.

    Args:
        data: The bytes of an ONNX file.
        reference: The same function in torch.
        shapes: The shapes of the inputs.
        draw: The function that draws an input. Defaults to normal numbers.

    Returns:
        The difference; infinity if the outputs differ in number or shape.
    """
    model, worst = session(data), 0.
    for seed, shape in enumerate(shapes):
        x = draw(shape, seed)
        expected, found = reference(x), run(model, x)
        if [a.shape for a in expected] != [b.shape for b in found]:
            return float('inf')
        worst = max([worst, *map(relative_difference, expected, found)])
    return worst


def compare_tensors(reference: Callable[[Tensor], tuple], data: bytes,
                    traced: Traced, *_: Any) -> Agreement:
    """Return how well the tensors of a file agree with those of torch.

    Args:
        reference: The same function in torch.
        data: The bytes of an ONNX file.
        traced: The shapes that it must take.
    """
    worst = worst_of_shapes(data, reference, traced.shapes, traced.kind.draw)
    if worst <= TOLERANCE:
        return Agreement(f'differ by at most {worst:.1e} relative')
    return Agreement(
        '', f'onnxruntime and torch differ by {worst:.1e} '
        f'relative, more than {TOLERANCE:.0e}')
