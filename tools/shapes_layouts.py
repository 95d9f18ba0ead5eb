"""The layouts of `make_shapes.py`: COCO, Cityscapes and folders of classes."""
import json

import cv2
import numpy as np
from new_folder import write_image

MARGIN = 1.3  # side of a crop, as a multiple of what it shows
CROP = 32  # pixels; mmpretrain stacks images of one size


def annotation(mask, category_id):
    """Return the COCO annotation of the visible part of one instance."""
    edges = np.flatnonzero(np.diff(mask.ravel('F'), prepend=False))
    counts = np.diff(edges, prepend=0, append=mask.size).tolist()
    return dict(
        category_id=category_id,
        bbox=list(cv2.boundingRect(mask.astype(np.uint8))),
        area=int(mask.sum()),
        segmentation=dict(counts=counts, size=list(mask.shape)),
        iscrowd=0)


def crop(image, box):
    """Return the square around a box, moved into the image and resized."""
    x, y, width, height = box
    side = min(len(image), round(MARGIN * max(width, height)))
    left, top = (int(
        np.clip(start + (length - side) // 2, 0,
                len(image) - side))
                 for start, length in ((x, width), (y, height)))
    return cv2.resize(image[top:top + side, left:left + side], (CROP, CROP))


def write_sample(root, split, index, image, label_map):
    """Write one image in both layouts and its Cityscapes label map."""
    city, stem = f'{split}/city', f'city_{index:06d}'
    write_image(root / f'coco/{split}/{index:06d}.png', image)
    folder = root / 'cityscapes'
    write_image(folder / f'leftImg8bit/{city}/{stem}_leftImg8bit.png', image)
    name = f'gtFine/{city}/{stem}_gtFine_labelTrainIds.png'
    write_image(folder / name, label_map.astype(np.uint8))


def write_crops(root, split, index, image, annotations, names):
    """Write each instance of an image into the folder of its class."""
    for i, found in enumerate(annotations, 1):
        folder = root / 'classes' / split / names[found['category_id'] - 1]
        write_image(folder / f'{index:06d}_{i}.png',
                    crop(image, found['bbox']))


def write_annotations(root, split, images, annotations, names):
    """Write one split's COCO file, its annotations numbered from 1."""
    coco = dict(
        images=images,
        annotations=[dict(id=i, **a) for i, a in enumerate(annotations, 1)],
        categories=[dict(id=i, name=n) for i, n in enumerate(names, 1)])
    folder = root / 'coco/annotations'
    folder.mkdir(exist_ok=True)
    (folder / f'instances_{split}.json').write_text(json.dumps(coco))


def write_split(root, split, samples, names):
    """Write the samples of a split, each an image, instances and labels."""
    images, annotations = [], []
    for name in names:  # an image may lack a class, a layout may not
        (root / 'classes' / split / name).mkdir(parents=True)
    for i, (image, instances, labels) in enumerate(samples):
        write_sample(root, split, i, image, np.array([0] + labels)[instances])
        images.append(
            dict(
                id=i,
                file_name=f'{i:06d}.png',
                width=len(image),
                height=len(image)))
        found = [
            annotation(instances == j, label)
            for j, label in enumerate(labels, 1)
        ]
        write_crops(root, split, i, image, found, names)
        annotations += [dict(image_id=i, **one) for one in found]
    write_annotations(root, split, images, annotations, names)
