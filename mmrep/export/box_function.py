"""Whether the function that is exported gives mmdet's boxes in torch.

Both compute in the same arithmetic, so other boxes are ties only where scores
are equal to the last bit. This finds what the comparison of two runtimes could
take for ties.
"""
from typing import Callable, Iterable, List

import torch
from torch import Tensor, nn

from ..boxes.matching import alone
from ..boxes.predicted import (MANY, Boxes, boxes_in, last_config, proposed,
                               unsuppressed)
from .host_outputs import Given
from .onnx_check import Mismatch
from .onnx_parts import Part

Predict = Callable[[Tensor], List[Boxes]]
NEAR = 1e-6  # scores of the same candidate in batches of other sizes


class Function:
    """The function of a part beside mmdet's ``predict``.

    Args:
        predict: The function from what the part takes to the boxes of mmdet.
        model: The detector of mmdet.
        part: The part of an equal detector.
        prepare: The function from what the part takes to preprocessed images
            and their size without padding.
    """

    def __init__(self, predict: Predict, model: nn.Module, part: Part,
                 prepare: Callable[[Tensor], Given]) -> None:
        self.predict = predict
        self.model = model
        self.part = part
        self.prepare = prepare

    @torch.no_grad()
    def checked(self, inputs: Iterable[Tensor]) -> List[List[Boxes]]:
        """Refuse the part if its boxes are not those of mmdet.

        Args:
            inputs: Batches of images, as the part takes them.

        Returns:
            The boxes of mmdet, by batch and image.

        Raises:
            Mismatch: The boxes of an image are others.
        """
        found = []
        for images in inputs:
            own, expected = boxes_in(self.part(images)), self.predict(images)
            found.append(expected)
            for i, (a, b) in enumerate(zip(expected, own)):
                other = alone(a, b)
                if other.size and not self._tied(images[i:i + 1], other):
                    raise Mismatch(
                        'not written: the function to export and mmdet share '
                        f'{a.size + b.size - other.size} boxes of an image, '
                        f'each with its like, and {other.size} have none: '
                        'this detector makes its boxes in a way that is not '
                        'known, export --part neck')
        return found

    def _tied(self, image: Tensor, other: Boxes) -> bool:
        """Return True if equal scores let the boxes of an image be others."""
        with unsuppressed(last_config(self.model), nms_pre=MANY):
            found, = self.predict(image)
        if _has_ties(found, other.scores):
            return True
        if not self.part.detector.two_stage:
            return False
        given = self.prepare(image)
        with unsuppressed(self.model.rpn_head.test_cfg, nms_pre=MANY):
            found, = proposed(self.model, *given)
        chosen, = proposed(self.model, *given)
        return _has_ties(found, chosen.scores[-1:])


def _has_ties(candidates: Boxes, scores: Tensor) -> bool:
    """Return True if candidates with one of the scores are equal in it."""
    for score in scores:
        near = candidates.scores
        near = near[(near - score).abs() <= NEAR]
        if near.unique().numel() < near.numel():
            return True
    return False
