"""Whether rounding decides about the boxes of a detector."""
from typing import Iterable, Tuple

import torch
from torch import Tensor, nn

from ..boxes.matching import match
from ..boxes.predicted import predicted

NOISE = 1e-7  # of the spread of pixels, about the steps of float32
HINT = (f'; torch itself gives other boxes if pixels change by {NOISE:.0e} of '
        'their spread, so rounding decides, as in nets that are not trained')


def hint(model: nn.Module, images: Iterable[Tuple[Tensor, tuple]]) -> str:
    """Return a half-sentence if torch's own boxes hinge on rounding.

    Args:
        model: The detector.
        images: Batches of preprocessed images, with their height and width
            without padding.
    """
    generator = torch.Generator().manual_seed(0)
    for x, size in images:
        noise = torch.randn(x.shape, generator=generator)
        pairs = zip(
            predicted(model, x, size),
            predicted(model, x + NOISE * x.std() * noise.to(x), size))
        for found in (match(*pair) for pair in pairs):
            if found.alone:
                return HINT
    return ''
