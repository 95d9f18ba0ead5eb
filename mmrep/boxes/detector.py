"""A detector of mmdet as one function from images to boxes."""
from typing import List, Optional, Tuple

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

    Attributes:
        two_stage: True if regions are proposed first.
        shows_proposals: True if the proposals of a two-stage detector, with
            their levels as labels, are outputs as well. Defaults to False.

    Raises:
        UserError: The detector is not supported.

    Examples:
        >>> import torch
        >>> from mmengine.hub import get_config
        >>> from mmrep.boxes import Detector
        >>> from mmrep.hosts import build_model
        >>> cfg = get_config('mmdet::retinanet/retinanet_r18_fpn_1x_coco.py')
        >>> cfg.model.backbone.init_cfg = None
        >>> detector = Detector(build_model(cfg).eval())
        >>> with torch.no_grad():
        ...     boxes, scores, labels = detector(torch.zeros(2, 3, 64, 64))
        >>> boxes.shape, scores.shape, labels.shape
        (torch.Size([2, 100, 4]), torch.Size([2, 100]), torch.Size([2, 100]))
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        check_detector(model)
        self.model = model
        self.two_stage = getattr(model, 'roi_head', None) is not None
        self.shows_proposals = False
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
        size = size or tuple(x.shape[2:])
        features = self.model.extract_feat(x)
        head = self.model.rpn_head if self.two_stage else self.model.bbox_head
        found = way_of(head)(head, head(features), size)
        if not self.two_stage:
            return filled(found)
        boxes = from_regions(self.model.roi_head, features, found, size)
        more = filled(found) if self.shows_proposals else ()
        return (*filled(boxes), *more)

    def names(self) -> List[str]:
        """Return the names of the outputs."""
        if not self.shows_proposals:
            return list(OUTPUTS)
        return [*OUTPUTS, *(f'proposal_{name}' for name in OUTPUTS)]


def filled(found: Candidates) -> Tuple[Tensor, ...]:
    """Return candidates with zeros, and label -1, where there is no box."""
    valid = found.valid
    return (torch.where(valid[..., None], found.boxes,
                        torch.zeros_like(found.boxes)),
            torch.where(valid, found.scores, torch.zeros_like(found.scores)),
            torch.where(valid, found.labels, torch.full_like(found.labels,
                                                             -1)))
