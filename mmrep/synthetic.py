"""Batches of random images and targets, as the hosts' loaders give them."""
from typing import Tuple

import numpy as np
import torch
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from torch import Generator

Size = Tuple[int, int]
BOXES = 8  # objects per image
CLASSES = 2  # every model has at least this many

# hosts whose losses get random labels
LABELLED = ('mmdet', 'mmseg', 'mmpretrain')


def synthetic_batch(scope: str, size: Size, batch_size: int) -> dict:
    """Return a batch for the ``train_step`` of a model of this scope.

    Args:
        scope: The config's scope. Hosts other than those of
            ``LABELLED`` get samples without labels.
        size: Height and width of the images, in pixels.
        batch_size: Number of images.

    Returns:
        Random uint8 images as ``inputs``, and their ``data_samples``.
    """
    generator = torch.Generator().manual_seed(0)
    make = dict(zip(LABELLED, (_detection, _segmentation, _classification)))
    images = torch.randint(
        0, 256, (batch_size, 3, *size), dtype=torch.uint8, generator=generator)
    samples = [make.get(scope, _unlabelled)(size, generator) for _ in images]
    # mmpretrain's preprocessor takes the images as one tensor
    inputs = images if scope == 'mmpretrain' else list(images)
    return dict(inputs=inputs, data_samples=samples)


def _unlabelled(size: Size, generator: Generator) -> BaseDataElement:
    return BaseDataElement(metainfo=dict(img_shape=size, ori_shape=size))


def _detection(size: Size, generator: Generator) -> BaseDataElement:
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks
    height, width = size
    corner = torch.rand(BOXES, 2, generator=generator) * 0.6
    extent = torch.rand(BOXES, 2, generator=generator) * 0.3 + 0.1
    boxes = torch.cat([corner, corner + extent], 1)
    sample = DetDataSample(
        metainfo=dict(
            img_shape=size,
            ori_shape=size,
            pad_shape=size,
            batch_input_shape=size,
            scale_factor=(1, 1)))
    boxes = boxes * torch.tensor([width, height, width, height])
    masks = np.zeros((BOXES, height, width), dtype=np.uint8)
    for mask, (left, top, right, bottom) in zip(masks, boxes.int().tolist()):
        mask[top:bottom + 1, left:right + 1] = 1
    sample.gt_instances = InstanceData(
        bboxes=boxes,
        labels=torch.randint(0, CLASSES, (BOXES, ), generator=generator),
        masks=BitmapMasks(masks, height, width))
    return sample


def _segmentation(size: Size, generator: Generator) -> BaseDataElement:
    from mmseg.structures import SegDataSample
    sample = SegDataSample(metainfo=dict(img_shape=size, ori_shape=size))
    labels = torch.randint(0, CLASSES, (1, *size), generator=generator)
    sample.gt_sem_seg = PixelData(data=labels)
    return sample


def _classification(size: Size, generator: Generator) -> BaseDataElement:
    from mmpretrain.structures import DataSample
    label = torch.randint(0, CLASSES, (1, ), generator=generator)
    return DataSample().set_gt_label(label)
