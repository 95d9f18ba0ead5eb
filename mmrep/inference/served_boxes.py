"""The results of mmdet from the boxes of an exported file."""
from typing import Sequence

import torch
from mmengine.structures import BaseDataElement, InstanceData
from torch import Tensor, nn

from ..errors import UserError
from .served_net import Net


class BoxesOfHost:
    """``predict`` of a detector: boxes in pixels of the original images.

    Args:
        model: The detector, whose last head says how many classes there are
            and whether boxes are clipped.
        net: The file, opened.
    """

    def __init__(self, model: nn.Module, net: Net) -> None:
        regions = getattr(model, 'roi_head', None)
        head = (model if regions is None else regions).bbox_head
        self.classes = head.num_classes
        coder = getattr(head, 'bbox_coder', None)
        self.clips = getattr(coder, 'clip_border', False)
        self.net = net

    def __call__(self,
                 images: Tensor,
                 samples: Sequence[BaseDataElement],
                 rescale: bool = True) -> Sequence[BaseDataElement]:
        """Add the boxes of images to their samples, and return these.

        Args:
            images: The images as the file needs them.
            samples: mmdet's samples, with the meta information of each image.
            rescale: True for boxes in pixels of the original image, False in
                those of the input. Defaults to True.

        Raises:
            UserError: The file has other classes than the detector, or a
                sample does not know how its image was scaled.
        """
        found = dict(zip(self.net.file.outputs, self.net(images)))
        if (found['labels'] >= self.classes).any():
            raise UserError(
                f"the file gives the label {found['labels'].max()} and the "
                f'model of the config has {self.classes} classes: name the '
                'config that the file was exported with')
        for i, sample in enumerate(samples):
            valid = found['labels'][i] >= 0
            boxes = self._in_original(found['boxes'][i][valid],
                                      sample.metainfo, rescale)
            sample.pred_instances = InstanceData(
                bboxes=boxes,
                scores=found['scores'][i][valid],
                labels=found['labels'][i][valid])
        return samples

    def _in_original(self, boxes: Tensor, meta: dict, rescale: bool) -> Tensor:
        if self.clips:
            height, width = meta['img_shape'][:2]
            limits = boxes.new_tensor([width, height, width, height])
            boxes = torch.minimum(boxes.clamp(min=0), limits)
        if not rescale:
            return boxes
        if 'scale_factor' not in meta:
            raise UserError(
                f'the samples of `{self.net.loader}` have no `scale_factor`: '
                'add it to `meta_keys` of PackDetInputs')
        x, y = meta['scale_factor'][:2]
        return boxes * boxes.new_tensor([1 / x, 1 / y, 1 / x, 1 / y])
