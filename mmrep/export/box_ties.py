"""Whether boxes that differ from those of mmdet are ties, stage by stage."""
from typing import Callable, Optional

import torch
from torch import Tensor, nn

from ..boxes.matching import SCORE
from ..boxes.predicted import (MANY, Boxes, boxes_in, last_config, predicted,
                               proposed, unsuppressed)
from ..boxes.support import limit_of
from ..boxes.ties import Rule, fault_of
from .host_outputs import Given
from .onnx_session import run, session


class Ties:
    """A judge of boxes, by the rule of :mod:`mmrep.boxes.ties`.

    The proposals of a two-stage detector are judged first. The boxes are
    judged by what mmdet makes of the same proposals.

    Args:
        model: The detector of mmdet.
        data: The bytes of an ONNX file of it with its proposals, None for a
            detector of one stage.
        prepare: The function from what the file takes to preprocessed images
            and their size without padding.
    """

    def __init__(self, model: nn.Module, data: Optional[bytes],
                 prepare: Callable[[Tensor], Given]) -> None:
        self.model = model
        self.prepare = prepare
        self.shown = None if data is None else session(data)

    def fault(self, x: Tensor, found: Boxes) -> Optional[str]:
        """Return why the boxes of an image are wrong, None if they are ties.

        Args:
            x: The image as the file takes it, in a batch of 1.
            found: The boxes that the file gives.
        """
        given = self.prepare(x)
        if self.shown is None:
            return self._of_boxes(given, found)
        outputs = run(self.shown, x)
        found, = boxes_in(outputs[:3])
        regions, = boxes_in(outputs[3:])
        return (self._of_proposals(given, regions)
                or self._of_boxes(given, found, regions.corners))

    def _of_boxes(self,
                  given: Given,
                  found: Boxes,
                  regions: Optional[Tensor] = None) -> Optional[str]:
        config = last_config(self.model)
        rule = Rule.of(config)._replace(limit=limit_of(self.model))
        least = config.get('score_thr', 0)
        with unsuppressed(config):
            chosen, = predicted(self.model, *given, regions=regions)
        # a score at the threshold is a tie, too
        with unsuppressed(config, nms_pre=MANY, score_thr=least - SCORE):
            candidates, = predicted(self.model, *given, regions=regions)
        return fault_of(found, candidates, chosen, least, rule)

    def _of_proposals(self, given: Given, found: Boxes) -> Optional[str]:
        config = self.model.rpn_head.test_cfg
        rule = Rule.of(config)
        with unsuppressed(config):
            chosen, = proposed(self.model, *given)
        with unsuppressed(config, nms_pre=MANY):
            candidates, = proposed(self.model, *given)
        chosen, candidates = map(_of_any_class, (chosen, candidates))
        return fault_of(found, candidates, chosen, 0, rule)


def _of_any_class(boxes: Boxes) -> Boxes:
    """Return proposals of unknown levels, which mmdet does not tell."""
    return boxes._replace(labels=torch.full_like(boxes.labels, -1))
