"""How far the boxes of a file differ from those of mmdet, in numbers."""
from typing import NamedTuple, Optional

from ..boxes.matching import (NEAR_PIXELS, NEAR_SCORE, PIXELS, SCORE, Match,
                              match)
from ..boxes.predicted import Boxes
from .onnx_check import Agreement


class Difference(NamedTuple):
    """The worst differences of boxes on some images.

    Attributes:
        pixels: The largest difference of a corner, in pixels.
        score: The largest difference of a score.
        count: The number of boxes in both lists.
        alone: The number of boxes in one list alone.
        images: The number of images.
        wrong: Why a list with boxes alone is wrong. Defaults to None: none
            is, and the boxes alone are ties.
    """

    pixels: float = 0.
    score: float = 0.
    count: int = 0
    alone: int = 0
    images: int = 0
    wrong: Optional[str] = None

    @property
    def empty(self) -> bool:
        """True if neither list has a box."""
        return not self.count and not self.alone

    def plus(self, image: Match) -> 'Difference':
        """Return the difference with that on one more image."""
        return self._replace(
            pixels=max(self.pixels, image.pixels),
            score=max(self.score, image.score),
            count=self.count + image.count,
            alone=self.alone + image.alone,
            images=self.images + 1)

    def with_wrong(self, a: Boxes, b: Boxes, fault: str) -> 'Difference':
        """Return the difference with a reason not to write the file.

        Args:
            a: The boxes of torch on an image.
            b: The boxes of onnxruntime.
            fault: Why these are wrong.
        """
        near = match(a, b, NEAR_PIXELS, NEAR_SCORE)
        if near.alone:
            fault = (f'of the boxes of an image, onnxruntime and torch share '
                     f'{near.count} and have {near.alone} alone, and {fault}')
        else:
            far = [(near.pixels, PIXELS, 'pixels'),
                   (near.score, SCORE, 'in scores')]
            texts = [
                f'{found:.1e} {unit}, more than {limit:.0e}'
                for found, limit, unit in far if found > limit
            ]
            fault = (f'boxes of onnxruntime and torch differ by '
                     f'{" and ".join(texts)}')
        return self._replace(wrong=fault)

    def agreement(self, how: str = '') -> Agreement:
        """Return the difference in words.

        Args:
            how: The way it was compared. Defaults to nothing.
        """
        ties = f' and {self.alone} ties' if self.alone else ''
        return Agreement(
            f'{self.count} boxes{ties} on {self.images} images{how} differ by '
            f'at most {self.pixels:.1e} pixels and {self.score:.1e} in scores',
            self.wrong)
