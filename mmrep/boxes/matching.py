"""Which boxes of two lists are the same, and how far they differ."""
from typing import NamedTuple, Optional, Sequence, Tuple

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
    rows, columns = _pairs(expected, found, pixels, score)
    a, b = expected.at(rows), found.at(columns)
    return Match(
        _largest(a.corners - b.corners), _largest(a.scores - b.scores), a.size,
        expected.size + found.size - 2 * a.size)


def alone(a: Boxes, b: Boxes) -> Boxes:
    """Return the boxes that one of two lists alone has.

    Args:
        a: The one list.
        b: The other list.
    """
    pairs = _pairs(a, b, PIXELS, SCORE)
    others = []
    for boxes, places in zip((a, b), pairs):
        other = torch.ones(boxes.size, dtype=torch.bool)
        other[places] = False
        others.append(boxes.at(other))
    return Boxes(*map(torch.cat, zip(*others)))


def _pairs(a: Boxes, b: Boxes, pixels: float,
           score: float) -> Tuple[Tensor, Tensor]:
    """Return the places of boxes of one list and of the same in the other."""
    far = _distances(a, b, pixels, score)
    rows, columns = map(torch.as_tensor, linear_sum_assignment(far.numpy()))
    near = far[rows, columns] < FAR
    return rows[near], columns[near]


def _distances(a: Boxes, b: Boxes, pixels: float, score: float) -> Tensor:
    """Return the distance of all pairs in pixels, FAR if they differ."""
    corners = (a.corners[:, None] - b.corners[None]).abs().amax(-1)
    scores = (a.scores[:, None] - b.scores[None]).abs()
    same = ((a.labels[:, None] == b.labels[None]) & (corners <= pixels)
            & (scores <= score))
    return torch.where(same, corners + scores, torch.full_like(corners, FAR))


def _largest(values: Tensor) -> float:
    return values.abs().max().item() if values.numel() else 0.


def fault_of_layout(outputs: Sequence[Tensor]) -> Optional[str]:
    """Return why outputs are not in order, None if they are.

    Args:
        outputs: Boxes, scores and labels of :class:`mmrep.boxes.Detector`.
    """
    boxes, scores, labels = outputs[:3]
    none = labels < 0
    if scores[none].any() or boxes[none].any():
        return 'places without a box have scores or corners'
    if (scores.diff(dim=1) > 0).any() or (none[:, :-1] & ~none[:, 1:]).any():
        return 'boxes are not sorted, the best first'
    return None
