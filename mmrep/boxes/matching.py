"""Which boxes of two lists are the same, and how far they differ."""
from typing import NamedTuple

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from .predicted import Boxes

PIXELS, SCORE = 1e-3, 1e-4  # the same box is not farther apart
NEAR_PIXELS, NEAR_SCORE = 1., 1e-2  # nor is one that is rounded worse
FAR = 1e6


class Match(NamedTuple):
    """How the boxes of an image fit those of another computation.

    Attributes:
        pixels: The largest difference of a corner, in pixels.
        score: The largest difference of a score.
        count: The number of boxes in both lists.
        alone: The number of boxes in one list alone.
    """

    pixels: float
    score: float
    count: int
    alone: int


def match(expected: Boxes,
          found: Boxes,
          pixels: float = PIXELS,
          score: float = SCORE) -> Match:
    """Match boxes of equal classes one to one, the nearest first.

    Args:
        expected: The boxes of torch.
        found: The boxes of the other computation.
        pixels: The largest distance of corners of the same box. Defaults to
            1e-3.
        score: The largest difference of their scores. Defaults to 1e-4.
    """
    far = _distances(expected, found, pixels, score)
    rows, columns = map(torch.as_tensor, linear_sum_assignment(far.numpy()))
    near = far[rows, columns] < FAR
    a, b = expected.at(rows[near]), found.at(columns[near])
    return Match(
        _largest(a.corners - b.corners), _largest(a.scores - b.scores), a.size,
        expected.size + found.size - 2 * a.size)


def _distances(a: Boxes, b: Boxes, pixels: float, score: float) -> Tensor:
    """Return the distance of all pairs in pixels, FAR if they differ."""
    corners = (a.corners[:, None] - b.corners[None]).abs().amax(-1)
    scores = (a.scores[:, None] - b.scores[None]).abs()
    same = ((a.labels[:, None] == b.labels[None]) & (corners <= pixels)
            & (scores <= score))
    return torch.where(same, corners + scores, torch.full_like(corners, FAR))


def _largest(values: Tensor) -> float:
    return values.abs().max().item() if values.numel() else 0.
