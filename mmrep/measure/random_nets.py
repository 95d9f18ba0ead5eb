"""Nets with random weights whose detectors find some boxes.

With fresh weights the scores of a detector are almost equal: all boxes pass
its threshold, or none, and suppression takes a time that no trained net needs.
"""
from typing import Any

import torch
from torch import Tensor, nn

from ..boxes import Detector
from ..export.onnx_parts import is_detector
from ..testing import randomize_norms

BOXES = 50  # found in an image


@torch.no_grad()
def with_usual_numbers(model: nn.Module, x: Tensor) -> nn.Module:
    """Give a fresh model norms, and a detector scores, as if it were trained.

    Norms get random statistics. Each convolution and linear layer outside the
    backbone of a detector gets outputs of standard deviation 1. Its
    ``score_thr`` becomes a score that ``BOXES`` boxes of the image reach; if
    it finds fewer, 0.

    Args:
        model: The model in eval mode, changed in place.
        x: The preprocessed image.

    Returns:
        ``model``.
    """
    randomize_norms(model)
    if is_detector(model):
        _scale(model, x)
        _choose_threshold(model, x)
    return model


def _scale(model: nn.Module, x: Tensor) -> None:
    """Divide the weights of layers by the deviation of their first output."""
    seen = set()

    def scaled(layer: nn.Module, _: Any, out: Tensor) -> Any:
        if layer in seen:  # a head runs once for each level
            return None
        seen.add(layer)
        deviation = out.std().clamp(min=1e-12)
        for parameter in layer.parameters():
            parameter.div_(deviation)
        return out / deviation

    handles = [
        layer.register_forward_hook(scaled)
        for name, layer in model.named_modules()
        if isinstance(layer, (nn.Conv2d,
                              nn.Linear)) and not name.startswith('backbone.')
    ]
    try:
        Detector(model)(x)
    finally:
        for handle in handles:
            handle.remove()


def _choose_threshold(model: nn.Module, x: Tensor) -> None:
    regions = getattr(model, 'roi_head', None)
    cfg = (model.bbox_head if regions is None else regions).test_cfg
    cfg.score_thr = 0.
    scores = Detector(model)(x)[1].flatten()
    scores = scores[scores > 0]
    if len(scores) > BOXES:
        cfg.score_thr = scores[BOXES - 1:BOXES + 1].mean().item()
