"""Two functions that one standard ONNX operator computes each.

Torch computes them by mmcv's operators, as mmdet does, and the tracing
exporter writes ``NonMaxSuppression`` and ``RoiAlign``.
"""
from typing import Any, Tuple

import torch
from mmcv.ops import nms, roi_align
from torch import Tensor

ALL = 2**31 - 1  # boxes that suppression may keep: any number
INT64 = 7  # the number of the type in ONNX
INVALID = -1.  # the score of a box that is none


def suppress(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Return which boxes non-maximum suppression keeps.

    A box goes if a kept one with a higher score has an IoU above the threshold
    with it. Boxes whose score is ``INVALID`` go as well.

    Args:
        boxes: The boxes (N, K, 4), as left, top, right, bottom.
        scores: Their scores (N, K).
        threshold: The IoU.

    Returns:
        A mask (N, K).
    """
    chosen = _Suppress.apply(boxes, scores[:, None], threshold)
    flat = chosen[:, 0] * scores.shape[1] + chosen[:, 2]
    kept = torch.zeros_like(scores).reshape(-1)
    kept = kept.scatter(0, flat, torch.ones_like(flat, dtype=kept.dtype))
    return kept.reshape(scores.shape) > 0


class _Suppress(torch.autograd.Function):
    """Indices (M, 3) of image, class and box, for scores (N, 1, K)."""

    @staticmethod
    def forward(ctx: Any, boxes: Tensor, scores: Tensor,
                threshold: float) -> Tensor:
        found = []
        for image, (own, values) in enumerate(zip(boxes, scores[:, 0])):
            places, = torch.nonzero(values > INVALID / 2, as_tuple=True)
            places = places[nms(own[places], values[places], threshold)[1]]
            zeros = torch.zeros_like(places)
            found.append(torch.stack([zeros + image, zeros, places], 1))
        return torch.cat(found)

    @staticmethod
    def symbolic(g: Any, boxes: Any, scores: Any, threshold: float) -> Any:
        limits = (torch.tensor([ALL]), torch.tensor([threshold]),
                  torch.tensor([INVALID / 2]))
        limits = [g.op('Constant', value_t=limit) for limit in limits]
        return g.op('NonMaxSuppression', boxes, scores, *limits)


def pool_regions(feature: Tensor, regions: Tensor, size: Tuple[int, int],
                 scale: float, samples: int, aligned: bool) -> Tensor:
    """Return the average features in each bin of regions, as RoIAlign does.

    Args:
        feature: The feature (N, C, H, W).
        regions: The image of each region and its corners in pixels of the
            input, (R, 5).
        size: The number of bins along both axes.
        scale: The size of the feature over that of the input.
        samples: The number of samples along each axis of a bin, 0 for one a
            pixel.
        aligned: True if pixels have their centres at halves.

    Returns:
        The bins, (R, C, height, width).
    """
    return _Pool.apply(feature, regions, size, scale, samples, aligned)


class _Pool(torch.autograd.Function):

    @staticmethod
    def forward(ctx: Any, feature: Tensor, regions: Tensor, size: Tuple[int,
                                                                        int],
                scale: float, samples: int, aligned: bool) -> Tensor:
        return roi_align(feature, regions, size, scale, samples, 'avg',
                         aligned)

    @staticmethod
    def symbolic(g: Any, feature: Any, regions: Any, size: Tuple[int, int],
                 scale: float, samples: int, aligned: bool) -> Any:
        image, corners = (
            g.op('Constant', value_t=torch.tensor(columns))
            for columns in (0, [1, 2, 3, 4]))
        images = g.op('Gather', regions, image, axis_i=1)
        images = g.op('Cast', images, to_i=INT64)
        boxes = g.op('Gather', regions, corners, axis_i=1)
        return g.op(
            'RoiAlign',
            feature,
            boxes,
            images,
            output_height_i=size[0],
            output_width_i=size[1],
            spatial_scale_f=scale,
            sampling_ratio_i=samples,
            coordinate_transformation_mode_s='half_pixel'
            if aligned else 'output_half_pixel',
            mode_s='avg')
