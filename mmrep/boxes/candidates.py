"""Boxes that may be objects, as tensors of a fixed number for each image."""
from typing import NamedTuple, Optional, Sequence, Union

import torch
from torch import Tensor

from .operators import INVALID, suppress

Count = Union[int, Tensor]  # a tensor while a net is traced


class Candidates(NamedTuple):
    """Boxes of N images, K each; those whose score is INVALID are none.

    Attributes:
        boxes: The boxes (N, K, 4), as left, top, right, bottom in pixels.
        scores: Their scores (N, K).
        labels: Their classes (N, K).
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor

    @property
    def valid(self) -> Tensor:
        return self.scores > INVALID / 2


def join(parts: Sequence[Candidates]) -> Candidates:
    """Return the candidates of several levels as one."""
    return Candidates(*(torch.cat(each, 1) for each in zip(*parts)))


def smaller(limit: int, count: Count) -> Count:
    """Return the smaller of two numbers, also while a net is traced."""
    if isinstance(count, Tensor):
        return torch.minimum(count, torch.tensor(limit))
    return min(limit, count)


def at(values: Tensor, places: Tensor) -> Tensor:
    """Return values (N, P) or (N, P, D) at places (N, K) of each image."""
    if values.dim() == 3:
        places = places[..., None].expand(-1, -1, values.shape[2])
    return values.gather(1, places)


def only(found: Candidates, where: Tensor) -> Candidates:
    """Return candidates that are none where a mask is False."""
    scores = found.scores
    return found._replace(
        scores=torch.where(where, scores, torch.full_like(scores, INVALID)))


def large_enough(found: Candidates, least: float) -> Candidates:
    """Return candidates without those that are not wider and higher."""
    sides = found.boxes[..., 2:] - found.boxes[..., :2]
    return only(found, (sides > least).all(-1))


def without_overlaps(found: Candidates, threshold: float,
                     apart: bool) -> Candidates:
    """Suppress candidates that overlap with better ones.

    Args:
        found: The candidates.
        threshold: The IoU above which one goes.
        apart: True if those of other classes do not count. They are shifted
            beyond each other, with mmcv's arithmetic, so that the IoU is
            rounded alike.
    """
    boxes = found.boxes
    if apart:
        inside = torch.where(found.valid[..., None], boxes,
                             torch.zeros_like(boxes))
        beyond = inside.flatten(1).max(1).values[:, None] + 1
        boxes = boxes + (found.labels.to(boxes.dtype) * beyond)[..., None]
    return only(found, suppress(boxes, found.scores, threshold))


def best(found: Candidates, limit: Optional[int] = None) -> Candidates:
    """Return candidates, best first.

    Args:
        found: The candidates.
        limit: The number of candidates that each image gets. Candidates that
            are none fill it up. Defaults to None: all.
    """
    if limit is None:
        return _sorted(found, found.scores.shape[1])
    images = found.scores.shape[0]
    filling = Candidates(
        found.boxes.new_zeros(images, limit, 4),
        found.scores.new_full((images, limit), INVALID),
        found.labels.new_zeros(images, limit))
    boxes, scores, labels = _sorted(join([found, filling]), limit)
    # exporters see the number of candidates from here
    return Candidates(
        boxes.reshape(-1, limit, 4), scores.reshape(-1, limit),
        labels.reshape(-1, limit))


def _sorted(found: Candidates, count: Count) -> Candidates:
    scores, places = found.scores.topk(count)
    return Candidates(
        at(found.boxes, places), scores, at(found.labels, places))
