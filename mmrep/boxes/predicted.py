"""The boxes of a detector by mmdet's own code."""
import contextlib
from typing import (Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple,
                    Union)

import torch
from torch import Tensor, nn

MANY = 2**31  # more boxes than there are


class Boxes(NamedTuple):
    """The boxes of one image, best first.

    Attributes:
        corners: Left, top, right and bottom in pixels, (B, 4).
        scores: Their scores (B,).
        labels: Their classes (B,).
    """

    corners: Tensor
    scores: Tensor
    labels: Tensor

    @property
    def size(self) -> int:
        """The number of boxes."""
        return len(self.scores)

    def at(self, places: Union[Tensor, slice]) -> 'Boxes':
        """Return the boxes at places, or where a mask is True."""
        return Boxes(*(values[places]
                       for values in (self.corners, self.scores, self.labels)))


def boxes_in(outputs: Sequence[Tensor]) -> List[Boxes]:
    """Return the boxes of each image, without places that hold none.

    Args:
        outputs: Boxes, scores and labels of :class:`mmrep.boxes.Detector`.
    """
    return [Boxes(*image).at(image[2] >= 0) for image in zip(*outputs)]


@torch.no_grad()
def predicted(model: nn.Module,
              x: Tensor,
              size: Optional[Tuple[int, int]] = None,
              regions: Optional[Tensor] = None) -> List[Boxes]:
    """Return the boxes of each image that mmdet's ``predict`` finds.

    Args:
        model: The detector in eval mode.
        x: Preprocessed images (N, C, H, W).
        size: The height and width of the images without padding, in pixels.
            Defaults to None: those of ``x``.
        regions: The proposals (R, 4) of one image for a two-stage detector.
            Defaults to None: those of its own region proposal network.
    """
    samples = _samples(x, size)
    if regions is None:
        samples = model.predict(x, samples, rescale=False)
        return _boxes(sample.pred_instances for sample in samples)
    from mmengine.structures import InstanceData
    return _boxes(
        model.roi_head.predict(
            model.extract_feat(x), [InstanceData(bboxes=regions)], samples))


@torch.no_grad()
def proposed(model: nn.Module,
             x: Tensor,
             size: Optional[Tuple[int, int]] = None) -> List[Boxes]:
    """Return the proposals of each image that mmdet's own code makes.

    Args:
        model: The two-stage detector in eval mode.
        x: Preprocessed images (N, C, H, W).
        size: The height and width of the images without padding, in pixels.
            Defaults to None: those of ``x``.
    """
    return _boxes(
        model.rpn_head.predict(
            model.extract_feat(x), _samples(x, size), rescale=False))


def _samples(x: Tensor, size: Optional[Tuple[int, int]]) -> list:
    from mmdet.structures import DetDataSample
    padded = tuple(x.shape[2:])
    meta = dict(
        img_shape=size or padded,
        ori_shape=size or padded,
        pad_shape=padded,
        batch_input_shape=padded,
        scale_factor=(1., 1.))
    return [DetDataSample(metainfo=meta) for _ in x]


def _boxes(instances: Iterator) -> List[Boxes]:
    return [Boxes(each.bboxes, each.scores, each.labels) for each in instances]


def last_config(model: nn.Module) -> dict:
    """Return the ``test_cfg`` of the head that makes a detector's boxes."""
    head = getattr(model, 'roi_head', None) or model.bbox_head
    return head.test_cfg


@contextlib.contextmanager
def changed(config: dict, **values: Any) -> Iterator[None]:
    """Change values of a ``test_cfg`` for a while.

    Args:
        config: The ``test_cfg``, which a head reads in each prediction.
        **values: The values, by name.
    """
    before = dict(config)
    config.update(values)
    try:
        yield
    finally:
        config.clear()
        config.update(before)


def unsuppressed(config: dict, **values: Any) -> Any:
    """Change a ``test_cfg`` so that no box is suppressed or counted out.

    Args:
        config: The ``test_cfg`` of a head.
        **values: More values to change, by name.
    """
    return changed(config, nms=None, max_per_img=MANY, **values)
