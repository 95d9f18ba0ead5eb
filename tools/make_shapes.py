"""Write a small dataset of textured shapes in COCO and Cityscapes format.

Every image is a cluttered background with shapes that hide parts of each
other. All classes draw colours and patterns from one pool: only the outline
tells them apart. The same images and labels are written twice: ``OUT/coco``
for mmdet, ``OUT/cityscapes`` for mmseg.
"""
import argparse
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

# Radii of the corners around the centre, at equal angles. The label of a class
# is its place here plus one: 0 is the background.
SHAPES = dict(
    circle=(0.9, ) * 48,
    square=(1., ) * 4,
    triangle=(1.1, ) * 3,
    star=(1.15, 0.5) * 5)
MIN_SIZE = 48  # pixels
MIN_VISIBLE = 0.5  # part of a shape's area; with less, its class is a guess


def pattern(rng, size):
    """Return a (size, size) map in [0, 1]: stripes, checks or blotches."""
    kind, angle = rng.integers(3), rng.uniform(0, np.pi)
    y, x = np.mgrid[:size, :size] * rng.uniform(20, 60) / size
    u = np.sin(x * np.cos(angle) + y * np.sin(angle))
    v = np.sin(y * np.cos(angle) - x * np.sin(angle))
    if kind == 2:
        coarse = rng.random((rng.integers(4, 12), ) * 2)
        return np.clip(cv2.resize(coarse, (size, size)), 0, 1)
    return (u > 0) ^ (v > 0) if kind == 1 else 0.5 + 0.5 * u


def texture(rng, size, low, high):
    """Return a (size, size, 3) image of two colours mixed by a pattern."""
    first, second = rng.uniform(low, high, (2, 3))
    contrast = rng.uniform(0.1, 0.3) * (second - first)
    return first + contrast * pattern(rng, size)[..., None]


def clutter(rng, image):
    """Scatter short lines and small blobs of no class over an image."""
    size = len(image)
    for _ in range(6):
        start, reach = rng.integers(0, size, 2), rng.integers(4, size // 4, 2)
        end = start + reach * rng.choice([-1, 1], 2)
        colour = rng.uniform(0, 255, 3).tolist()
        cv2.line(image, start.tolist(), end.tolist(), colour, 1 + size // 96)
        cv2.circle(image, end.tolist(), 1 + size // 48, colour, -1)


def outline(rng, radii, size):
    """Return the (size, size) mask of one shape, turned, scaled and placed."""
    scale = size * rng.uniform(0.15, 0.28)
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    angles += rng.uniform(0, 2 * np.pi)
    corners = np.stack([np.cos(angles), np.sin(angles)], 1)
    corners *= scale * np.array(radii)[:, None]
    corners += rng.uniform(1.2 * scale, size - 1.2 * scale, 2)
    mask = np.zeros((size, size), np.uint8)
    return cv2.fillPoly(mask, [np.round(corners).astype(int)], 1) > 0


def all_seen(instances, areas):
    """Return True if enough of every instance is still visible."""
    seen = np.bincount(instances.ravel(), minlength=len(areas) + 1)[1:]
    return (seen >= MIN_VISIBLE * np.array(areas)).all()


def draw(rng, size):
    """Return an image, its instance map (0 is none) and the labels."""
    image, instances = texture(rng, size, 0, 160), np.zeros((size, size), int)
    clutter(rng, image)
    labels, areas = [], []
    for _ in range(rng.integers(4, 9)):
        label = rng.integers(len(SHAPES))
        mask = outline(rng, list(SHAPES.values())[label], size)
        trial = np.where(mask, len(labels) + 1, instances)
        if all_seen(trial, areas + [mask.sum()]):
            instances, areas = trial, areas + [mask.sum()]
            labels.append(int(label) + 1)
            image[mask] = texture(rng, size, 80, 250)[mask]
    image += rng.normal(0, 8, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), instances, labels


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


def write_image(path, image):
    """Write a PNG; raise OSError where ``cv2.imwrite`` stays silent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode('.png', image)[1].tobytes())


def write_sample(root, split, index, image, label_map):
    """Write one image in both layouts and its Cityscapes label map."""
    city, stem = f'{split}/city', f'city_{index:06d}'
    write_image(root / f'coco/{split}/{index:06d}.png', image)
    folder = root / 'cityscapes'
    write_image(folder / f'leftImg8bit/{city}/{stem}_leftImg8bit.png', image)
    name = f'gtFine/{city}/{stem}_gtFine_labelTrainIds.png'
    write_image(folder / name, label_map.astype(np.uint8))


def write_annotations(root, split, images, annotations):
    """Write one split's COCO file, its annotations numbered from 1."""
    coco = dict(
        images=images,
        annotations=[dict(id=i, **a) for i, a in enumerate(annotations, 1)],
        categories=[dict(id=i, name=n) for i, n in enumerate(SHAPES, 1)])
    folder = root / 'coco/annotations'
    folder.mkdir(exist_ok=True)
    (folder / f'instances_{split}.json').write_text(json.dumps(coco))


def write_split(root, split, count, size, seed):
    """Draw and write ``count`` images; image i depends on seed, split, i."""
    images, annotations = [], []
    bar = Console(stderr=True)
    for i in track(range(count), f'shapes {split:>5}', console=bar):
        rng = np.random.default_rng([seed, split == 'train', i])
        image, instances, labels = draw(rng, size)
        write_sample(root, split, i, image, np.array([0] + labels)[instances])
        name = f'{i:06d}.png'
        images.append(dict(id=i, file_name=name, width=size, height=size))
        annotations += [
            dict(image_id=i, **annotation(instances == j, label))
            for j, label in enumerate(labels, 1)
        ]
    write_annotations(root, split, images, annotations)


def parse_args():
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'out',
        nargs='?',
        default='data/shapes',
        type=Path,
        help='folder to write; default: data/shapes')
    parser.add_argument(
        '--num-train',
        type=int,
        default=800,
        help='number of training images; default: 800')
    parser.add_argument(
        '--num-val',
        type=int,
        default=100,
        help='number of validation images; default: 100')
    parser.add_argument(
        '--size',
        type=int,
        default=96,
        help='height and width of the images in pixels; default: 96')
    parser.add_argument(
        '--seed',
        type=int,
        default=0,
        help='seed of the drawn data; default: 0')
    return parser.parse_args()


def complaint(args):
    """Return a sentence that says what is wrong with arguments, or None."""
    lows = {'num-train': 1, 'num-val': 1, 'size': MIN_SIZE, 'seed': 0}
    for flag, low in lows.items():
        value = getattr(args, flag.replace('-', '_'))
        if value < low:
            return f'--{flag} (={value}) must be at least {low}.'
    if '\0' in str(args.out):
        return f'OUT (={str(args.out)!r}) must be a path: it has a NUL byte.'
    if os.path.lexists(args.out):
        return (f'{args.out} exists already and is left as it is: remove it '
                'or name another folder.')


def write_dataset(args):
    """Write into a hidden sibling and rename, so OUT is whole or absent."""
    part = args.out.with_name(f'.{args.out.name}.{os.getpid()}')
    part.mkdir(parents=True)  # fails if it exists: it is not ours to remove
    try:
        write_split(part, 'train', args.num_train, args.size, args.seed)
        write_split(part, 'val', args.num_val, args.size, args.seed)
        part.rename(args.out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def main():
    """Write the dataset, or say why it cannot be written."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    args = parse_args()
    problem = complaint(args)
    if problem:
        sys.exit(problem)
    try:
        write_dataset(args)
    except OSError as error:
        sys.exit(f'{args.out} could not be written: {error}.')
    print(f'{args.num_train} + {args.num_val} images in {args.out}')


if __name__ == '__main__':
    main()
