"""A page whose parts are placed in inches."""
from typing import Tuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

MARGIN = 0.3  # inches


class Page:
    """A figure measured in inches from its upper left corner.

    Args:
        size: Width and height.
    """

    def __init__(self, size: Tuple[float, float]) -> None:
        self.size = size
        self.figure = Figure(figsize=size)

    def axes(self, left: float, top: float, width: float,
             height: float) -> Axes:
        """Add axes.

        Args:
            left: From the left edge of the page, inches.
            top: From its upper edge, inches.
            width: Of the axes, inches.
            height: Of the axes, inches.
        """
        across, down = self.size
        return self.figure.add_axes((left / across, 1 - (top + height) / down,
                                     width / across, height / down))

    def text(self, top: float, text: str, **options) -> None:
        """Write from the left margin on.

        Args:
            top: From the upper edge of the page, inches.
            text: One line or several.
            **options: Of matplotlib's text.
        """
        across, down = self.size
        self.figure.text(
            MARGIN / across, 1 - top / down, text, va='top', **options)
