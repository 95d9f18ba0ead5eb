"""Compare the labels of an ONNX file with those of mmseg.

Rounding decides between labels whose scores are as good as equal. So a pixel
may have another label than in torch, if torch's score of that label is within
``TIE`` times the largest score of the output from the best one.
"""
from typing import Any, Callable, NamedTuple, Tuple

import torch
from torch import Tensor

from .onnx_check import Agreement, Traced, run, session

TIE = 1e-4  # relative to the largest score


class Labelled(NamedTuple):
    """How many labels of pixels are the same.

    Attributes:
        pixels: The number of pixels.
        equal: The number of those with the same label.
        ties: The number of those with another label as good as equal.
    """

    pixels: int = 0
    equal: int = 0
    ties: int = 0

    def plus(self, other: 'Labelled') -> 'Labelled':
        """Return the numbers of both."""
        return Labelled(*(a + b for a, b in zip(self, other)))

    def agreement(self) -> Agreement:
        """Return the numbers as text."""
        wrong = self.pixels - self.equal - self.ties
        if wrong:
            return Agreement(
                '', f'the labels of onnxruntime and torch differ in {wrong} '
                f'of {self.pixels} pixels where the scores are no tie')
        ties = f', the others ({self.ties}) are ties' if self.ties else ''
        share = self.equal / max(self.pixels, 1)
        return Agreement(f'{share:.4%} of {self.pixels} pixels have equal '
                         f'labels{ties}')


@torch.no_grad()
def compare_labels(reference: Callable[[Tensor], Tuple[Tensor, Tensor]],
                   data: bytes, traced: Traced, *_: Any) -> Agreement:
    """Return how well the labels of a file agree with those of torch.

    Args:
        reference: The function from images to the scores (N, L, H, W) of the
            labels, and the labels (N, H, W).
        data: The bytes of an ONNX file.
        traced: The shapes that it must take.
    """
    model, total = session(data), Labelled()
    for x in traced.inputs():
        scores, expected = reference(x)
        found, = run(model, x)
        if found.shape != expected.shape or found.dtype != expected.dtype:
            return Agreement(
                '', f'onnxruntime gives labels as {found.dtype} of '
                f'{tuple(found.shape)}, and torch as {expected.dtype} of '
                f'{tuple(expected.shape)}')
        total = total.plus(labelled(scores, expected, found))
    return total.agreement()


def labelled(scores: Tensor, expected: Tensor, found: Tensor) -> Labelled:
    """Count the labels that are the same, and ties.

    Args:
        scores: The scores (N, L, H, W) of the labels in torch.
        expected: The labels (N, H, W) of torch.
        found: The labels (N, H, W) of another computation.
    """
    known = (found >= 0) & (found < scores.shape[1])
    places = torch.where(known, found, torch.zeros_like(found))
    behind = scores.amax(1) - scores.gather(1, places[:, None])[:, 0]
    near = known & (behind <= TIE * scores.abs().max())
    equal = found == expected
    return Labelled(found.numel(), int(equal.sum()), int(
        (near & ~equal).sum()))
