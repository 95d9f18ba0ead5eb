"""Pictures of predictions beside the ground truth."""
from typing import Any, List, Sequence

import matplotlib
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, init_default_scope
from mmengine.structures import BaseDataElement
from torch import nn

matplotlib.use('Agg')  # no screen

from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.patches import Patch, Rectangle  # noqa: E402

SCORE = 0.5  # lowest score of the boxes that are drawn
ALPHA = 0.65


@torch.no_grad()
def predict(model: nn.Module, cfg: Config, count: int) -> tuple:
    """Predict the first images of a config's test set.

    Returns:
        The images (H, W, 3) in RGB, the predicted data samples with their
        ground truth, and the dataset's meta information.
    """
    init_default_scope(cfg.default_scope)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    items = [dataset[i] for i in range(count)]
    samples = model.eval().test_step(pseudo_collate(items))
    images = [
        item['inputs'].permute(1, 2, 0).numpy()[..., ::-1] for item in items
    ]
    return images, samples, dataset.metainfo


def draw_predictions(images: Sequence[np.ndarray],
                     samples: Sequence[BaseDataElement], metainfo: dict,
                     title: str, path: str) -> None:
    """Draw image, ground truth and prediction, with a column per image.

    Args:
        images: Arrays (H, W, 3) in RGB.
        samples: mmseg's or mmdet's samples, with predictions and ground truth.
        metainfo: Meta information with ``classes`` and ``palette``.
        title: Title above the picture.
        path: PNG file to write.
    """
    rows = ('image', 'ground truth', 'prediction')
    figure, axes = plt.subplots(
        len(rows),
        len(images),
        figsize=(2 * len(images), 2 * len(rows) + 0.9),
        squeeze=False)
    for column, image, sample in zip(axes.T, images, samples):
        for axis, row in zip(column, rows):
            axis.imshow(image)
            axis.set(xticks=[], yticks=[])
            if row != 'image':
                _paint(axis, sample, metainfo['palette'], row)
    for axis, row in zip(axes[:, 0], rows):
        axis.set_ylabel(row)
    figure.suptitle(title)
    figure.legend(
        handles=_legend(metainfo), loc='lower center', ncol=6, frameon=False)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _paint(axis: Axes, sample: BaseDataElement, palette: list,
           row: str) -> None:
    truth = row == 'ground truth'
    if 'pred_sem_seg' in sample:
        labels = sample.gt_sem_seg if truth else sample.pred_sem_seg
        colours = np.array(palette, np.uint8)[labels.data[0].cpu().numpy()]
        axis.imshow(colours, alpha=ALPHA)
        return
    boxes = sample.gt_instances if truth else sample.pred_instances
    if not truth:
        boxes = boxes[boxes.scores > SCORE]
    for box, label in zip(_corners(boxes.bboxes), boxes.labels.tolist()):
        x1, y1, x2, y2 = box
        colour = np.array(palette[label]) / 255
        axis.add_patch(
            Rectangle((x1, y1),
                      x2 - x1,
                      y2 - y1,
                      fill=False,
                      linewidth=2,
                      edgecolor=colour))


def _corners(boxes: Any) -> list:
    return getattr(boxes, 'tensor', boxes).tolist()


def _legend(metainfo: dict) -> List[Patch]:
    return [
        Patch(color=np.array(colour) / 255, label=name)
        for name, colour in zip(metainfo['classes'], metainfo['palette'])
    ]
