"""A picture of the boxes that several programs find in one image."""
from typing import Dict, List, NamedTuple, Sequence

import matplotlib
import numpy as np

matplotlib.use('Agg')  # no screen

from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.patches import Patch, Rectangle  # noqa: E402


class Found(NamedTuple):
    """The boxes that a program finds.

    Attributes:
        corners: Left, top, right and bottom in pixels, (B, 4).
        scores: Their scores (B,).
        labels: Their classes (B,).
    """

    corners: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


def draw_boxes(image: np.ndarray, found: Dict[str, Found], metainfo: dict,
               title: str, path: str) -> None:
    """Draw the boxes of each program into its own copy of an image.

    Args:
        image: The image (H, W, 3) in RGB.
        found: The boxes by the name of the program.
        metainfo: Meta information with ``classes`` and ``palette``.
        title: The title above the picture.
        path: The file to write, such as a PNG.
    """
    figure, axes = plt.subplots(
        1, len(found), figsize=(4 * len(found), 5), squeeze=False)
    for axis, (name, boxes) in zip(axes[0], found.items()):
        axis.imshow(image)
        axis.set(xticks=[], yticks=[], title=f'{name}: {len(boxes.scores)}')
        _draw(axis, boxes, metainfo['palette'])
    figure.suptitle(title)
    figure.legend(
        handles=_legend(metainfo, found.values()),
        loc='lower center',
        ncol=4,
        frameon=False)
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw(axis: Axes, boxes: Found, palette: Sequence) -> None:
    for (left, top, right, bottom), score, label in zip(*boxes):
        colour = np.array(palette[label]) / 255
        axis.add_patch(
            Rectangle((left, top),
                      right - left,
                      bottom - top,
                      fill=False,
                      linewidth=2,
                      edgecolor=colour))
        axis.text(
            left + 1,
            top + 1,
            f'{score:.4f}',
            color='white',
            fontsize=7,
            va='top',
            bbox=dict(facecolor=colour, edgecolor='none', pad=1))


def _legend(metainfo: dict, found: Sequence[Found]) -> List[Patch]:
    shown = sorted({int(label) for boxes in found for label in boxes.labels})
    return [
        Patch(
            color=np.array(metainfo['palette'][label]) / 255,
            label=metainfo['classes'][label]) for label in shown
    ]
