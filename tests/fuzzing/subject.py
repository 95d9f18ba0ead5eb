"""A layer under test: all its results are compared with its formula."""
from random import Random
from typing import Callable, Dict, Tuple

import torch
from torch import Tensor, nn

from .cases import EXACT, Case
from .formulas import block
from .image import Look
from .parts import Part, read


class Wrong(Exception):
    """Error of a value that differs from the formula's."""


class Subject:
    """A layer, its input and the numbers that draw the next step.

    ``check`` compares a forward pass and the statistics that it leaves with
    the formula, given the current tensors.
    """

    def __init__(self, case: Case, rng: Random) -> None:
        self.case, self.rng = case, rng
        self.layer, self.x = case.build(), case.image()

    @property
    def look(self) -> Look:
        return Look.of(**self.case.shape)

    def expected(self, x: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
        """Return output and running statistics by the formula."""
        with torch.no_grad():
            part = Part(*read(self.layer))
            return block(part, x.double(), self.look), part.moved

    def check(self, forward: Callable = None, x: Tensor = None) -> None:
        x = self.x if x is None else x
        expected, moved = self.expected(x)
        with self.rng.choice([torch.no_grad, torch.inference_mode])():
            out = (forward or self.layer)(x)
        same('output', out, expected, x.dtype)
        now = self.layer.state_dict()
        for name, value in moved.items():
            same(name, now[name], value, x.dtype)

    def check_modes(self, training: bool) -> None:
        """Assert that all norms are in one mode."""
        for name, norm in read(self.layer)[1].items():
            if norm.training != training:
                raise Wrong(f'{name} has training={norm.training}')

    def has_sync(self) -> bool:
        """Return True if batch statistics need a GPU."""
        return any(
            isinstance(m, nn.SyncBatchNorm) for m in self.layer.modules())


def same(name: str,
         found: Tensor,
         expected: Tensor,
         dtype: torch.dtype,
         looser: float = 1,
         largest: float = 0) -> None:
    """Assert that a tensor is as expected, within its rounding.

    Args:
        name: The meaning of the tensor for the message.
        found: The tensor.
        expected: The expected tensor in float64.
        dtype: The dtype of the computation.
        looser: Factor of the allowed difference. Defaults to 1.
        largest: Scale of the allowed difference, if greater than the largest
            expected value.

    Raises:
        Wrong: The tensor differs by more.
    """
    if found.shape != expected.shape:
        raise Wrong(f'{name} has shape {tuple(found.shape)}, must be '
                    f'{tuple(expected.shape)}')
    if not found.numel():
        return
    error = (found.detach() - expected).abs().max().item()
    largest = max(expected.abs().max().item(), largest, 1e-3)
    if not error <= EXACT[dtype] * looser * largest:
        raise Wrong(f'{name} is off by {error / largest:.1e}')
