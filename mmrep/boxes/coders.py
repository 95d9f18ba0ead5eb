"""Boxes from what heads predict, by the formulas of mmdet's coders."""
import math
from typing import Any, Tuple

import torch
from torch import Tensor

Size = Tuple[Any, Any]  # height and width, tensors while a net is traced


def from_deltas(coder: Any, anchors: Tensor, deltas: Tensor,
                size: Size) -> Tensor:
    """Decode the shift of the centre and the logarithm of the growth.

    Args:
        coder: A ``DeltaXYWHBBoxCoder``.
        anchors: The boxes to start from, (..., 4).
        deltas: The predictions (..., 4), broadcast with the anchors.
        size: The height and width of the image in pixels.

    Returns:
        The boxes (..., 4).
    """
    deltas = deltas * deltas.new_tensor(coder.stds) + deltas.new_tensor(
        coder.means)
    centre = (anchors[..., :2] + anchors[..., 2:]) * 0.5
    sides = anchors[..., 2:] - anchors[..., :2]
    shift, growth = sides * deltas[..., :2], deltas[..., 2:]
    limit = abs(math.log(16 / 1000))
    if coder.add_ctr_clamp:
        shift = shift.clamp(-coder.ctr_clamp, coder.ctr_clamp)
        growth = growth.clamp(max=limit)
    else:
        growth = growth.clamp(-limit, limit)
    centre, half = centre + shift, sides * growth.exp() * 0.5
    return clipped(coder, torch.cat([centre - half, centre + half], -1), size)


def from_distances(coder: Any, points: Tensor, distances: Tensor,
                   size: Size) -> Tensor:
    """Decode the distances of four sides from points.

    Args:
        coder: A ``DistancePointBBoxCoder``.
        points: The points, (..., 2) as x and y, with more behind them ignored.
        distances: The distances to left, top, right and bottom, (..., 4).
        size: The height and width of the image in pixels.

    Returns:
        The boxes (..., 4).
    """
    points = points[..., :2]
    boxes = torch.cat(
        [points - distances[..., :2], points + distances[..., 2:]], -1)
    return clipped(coder, boxes, size)


def clipped(coder: Any, boxes: Tensor, size: Size) -> Tensor:
    """Clip boxes at the border of the image, if the coder does."""
    if not coder.clip_border:
        return boxes
    height, width = (torch.as_tensor(side).to(boxes) for side in size)
    limit = torch.stack([width, height, width, height])
    return torch.minimum(boxes.clamp(min=0), limit)


DECODERS = dict(
    DeltaXYWHBBoxCoder=from_deltas, DistancePointBBoxCoder=from_distances)


def decode(coder: Any, priors: Tensor, predicted: Tensor,
           size: Size) -> Tensor:
    """Decode by the formula of a coder of mmdet."""
    return DECODERS[type(coder).__name__](coder, priors, predicted, size)
