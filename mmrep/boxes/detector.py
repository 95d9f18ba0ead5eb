"""A detector of mmdet as one function from images to boxes."""
from typing import Optional, Tuple

import torch
from torch import Tensor, nn

from .candidates import Candidates
from .coders import Size
from .regions import from_regions
from .support import check_detector, way_of

OUTPUTS = ('boxes', 'scores', 'labels')


class Detector(nn.Module):
    """The boxes that mmdet's ``predict`` gives, as tensors of a fixed shape.

    Anchors, decoding, thresholds, suppression and limits are those of the
    detector and of its ``test_cfg``.

    Args:
        model: The detector, in eval mode.

    Shape:
        - Input: (N, C, H, W), preprocessed images.
        - Output: ``boxes`` (N, K, 4), as left, top, right, bottom in pixels
          of the input; ``scores`` (N, K) and ``labels`` (N, K), best first. K
          is ``max_per_img``, or the number of priors if there is no limit. A
          place without a box has label -1, score 0 and corners 0.

    Raises:
        UserError: The detector is not supported.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        check_detector(model)
        self.model = model
        self.train(model.training)  # exporters set all modes to this one

    def forward(self,
                x: Tensor,
                size: Optional[Size] = None) -> Tuple[Tensor, ...]:
        """Return boxes, scores and labels.

        Args:
            x: The images.
            size: The height and width of the images without padding, at which
                boxes are clipped. Defaults to None: those of ``x``.
        """
        return filled(self._found(x, size or tuple(x.shape[2:])))

    def _found(self, x: Tensor, size: Size) -> Candidates:
        features = self.model.extract_feat(x)
        regions = getattr(self.model, 'roi_head', None)
        head = self.model.bbox_head if regions is None else self.model.rpn_head
        found = way_of(head)(head, head(features), size)
        if regions is None:
            return found
        return from_regions(regions, features, found, size)


def filled(found: Candidates) -> Tuple[Tensor, ...]:
    """Return candidates with zeros, and label -1, where there is no box."""
    valid = found.valid
    return (torch.where(valid[..., None], found.boxes,
                        torch.zeros_like(found.boxes)),
            torch.where(valid, found.scores, torch.zeros_like(found.scores)),
            torch.where(valid, found.labels, torch.full_like(found.labels,
                                                             -1)))
