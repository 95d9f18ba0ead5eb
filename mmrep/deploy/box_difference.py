"""How far the boxes of a file differ from those of mmdet, in numbers."""
from typing import NamedTuple, Optional

from ..boxes.matching import Match
from ..boxes.ties import PIXELS, SCORE
from .onnx_check import Agreement


class Difference(NamedTuple):
    """The worst differences of boxes on some images.

    Attributes:
        pixels: The largest difference of a corner, in pixels.
        score: The largest difference of a score.
        count: The number of boxes in both lists.
        alone: The number of boxes in one list alone.
        images: The number of images.
        wrong: Why a list with boxes alone is no tie. Defaults to None: all
            are.
    """

    pixels: float = 0.
    score: float = 0.
    count: int = 0
    alone: int = 0
    images: int = 0
    wrong: Optional[str] = None

    def plus(self, image: Match) -> 'Difference':
        """Return the difference with that on one more image."""
        return self._replace(
            pixels=max(self.pixels, image.pixels),
            score=max(self.score, image.score),
            count=self.count + image.count,
            alone=self.alone + image.alone,
            images=self.images + 1)

    def fault(self) -> Optional[str]:
        """Return why the file is refused, None if it is not."""
        if self.wrong:
            return (f'onnxruntime or torch has {self.alone} boxes alone beside'
                    f' {self.count} that both have, and {self.wrong}')
        if self.pixels <= PIXELS and self.score <= SCORE:
            return None
        return (f'boxes of onnxruntime and torch differ by {self.pixels:.1e} '
                f'pixels and {self.score:.1e} in scores, more than '
                f'{PIXELS:.0e} or {SCORE:.0e}')

    def agreement(self, how: str = '') -> Agreement:
        """Return the difference in words.

        Args:
            how: The way it was compared. Defaults to nothing.
        """
        ties = f' and {self.alone} ties' if self.alone else ''
        return Agreement(
            f'{self.count} boxes{ties} on {self.images} images{how} differ by '
            f'at most {self.pixels:.1e} pixels and {self.score:.1e} in scores',
            self.fault())
