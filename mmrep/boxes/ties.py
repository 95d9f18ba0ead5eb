"""Whether a list of boxes is what suppression may leave, up to ties.

Rounding decides between boxes that are as good as equal, and about overlaps as
large as the threshold. So two computations may keep other boxes, and both be
right. A list is right if

1. each of its boxes is a candidate of torch, to ``PIXELS`` and ``SCORE``,
2. no two of a class overlap by more than the threshold, and
3. each candidate that is missing overlaps with a box of the list, of its class
   and as good, or the list is full of boxes as good.

For scores without ties, only the list of torch itself is right.
"""
from typing import NamedTuple, Optional

import torch
from torch import Tensor
from torchvision.ops import box_iou

from .matching import PIXELS, SCORE
from .predicted import Boxes

# classes are shifted apart for suppression, by up to 1e5 pixels, where
# float32 has steps of 1/128 of a pixel: as uncertain is the IoU of small boxes
OVERLAP = 2e-3
PAIRS = 2**20  # of boxes that are compared at a time


class Rule(NamedTuple):
    """How boxes are suppressed.

    Attributes:
        threshold: The IoU above which the box with the lower score goes.
        limit: The largest number of boxes; None if there is none.
        apart: True if boxes of other classes do not count.
    """

    threshold: float
    limit: Optional[int]
    apart: bool = True

    @classmethod
    def of(cls, config: dict) -> 'Rule':
        """Return the rule of a ``test_cfg``."""
        nms = config['nms']
        return cls(
            nms.get('iou_threshold', nms.get('iou_thr')),
            config.get('max_per_img'), not nms.get('class_agnostic', False))


def fault_of(found: Boxes, candidates: Boxes, chosen: Boxes, least: float,
             rule: Rule) -> Optional[str]:
    """Return why a list of boxes is wrong, None if it is right up to ties.

    Args:
        found: The list, best first.
        candidates: All candidates of torch. A label -1 stands for any class.
        chosen: Those candidates that torch chooses for suppression, the best
            of each level.
        least: The threshold of scores.
        rule: The rule of suppression.
    """
    if rule.limit is not None and found.size > rule.limit:
        return f'there are {found.size} boxes and the limit is {rule.limit}'
    if not _are_among(found, candidates).all():
        return 'a box is none of the candidates of torch'
    overlaps = _overlaps(found, found, rule.apart).triu(1)
    if (overlaps > rule.threshold + OVERLAP).any():
        return 'two boxes overlap'
    if rule.limit is not None and found.size == rule.limit:
        least = max(least, found.scores.min().item())
    certain = _certain(candidates, chosen, least + SCORE)
    as_good = found.scores[None] > certain.scores[:, None] - SCORE
    covered = _overlaps(certain, found, rule.apart)
    covered = (covered > rule.threshold - OVERLAP) & as_good
    missing = certain.at(~covered.any(1))
    if not _are_among(missing, found).all():
        return 'a box is missing'
    return None


def _are_among(boxes: Boxes, others: Boxes) -> Tensor:
    """Return which boxes are among others."""
    few = max(1, PAIRS // max(others.size, 1))
    parts = [
        _same(boxes.at(slice(i, i + few)), others).any(1)
        for i in range(0, boxes.size, few)
    ]
    return torch.cat(parts) if parts else torch.ones(0, dtype=torch.bool)


def _same(a: Boxes, b: Boxes) -> Tensor:
    """Return which pairs are the same box."""
    corners = (a.corners[:, None] - b.corners[None]).abs().amax(-1) <= PIXELS
    scores = (a.scores[:, None] - b.scores[None]).abs() <= SCORE
    return corners & scores & _alike(a, b)


def _alike(a: Boxes, b: Boxes) -> Tensor:
    """Return which pairs have the same class, or one of any class."""
    a, b = a.labels[:, None], b.labels[None]
    return (a == b) | (a < 0) | (b < 0)


def _overlaps(a: Boxes, b: Boxes, apart: bool) -> Tensor:
    """Return the IoU of all pairs, 0 if their classes are apart."""
    overlaps = box_iou(a.corners, b.corners).nan_to_num(0.)
    return overlaps * _alike(a, b) if apart else overlaps


def _certain(candidates: Boxes, chosen: Boxes, least: float) -> Boxes:
    """Return the chosen candidates above a score and above all others.

    Candidates with the score of one that was not chosen are ties.
    """
    others = candidates.scores.sort(descending=True).values
    same = chosen.scores.sort(descending=True).values
    differ = others[:len(same)] != same
    place = differ.nonzero()[0].item() if differ.any() else len(same)
    if place < len(others):
        least = max(least, others[place].item() + SCORE)
    return chosen.at(chosen.scores > least)
