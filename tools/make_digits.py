"""Write scikit-learn's handwritten digits as images in folders of classes.

They are 1797 grey images of 8 x 8 pixels, shipped in the package: real images
without a download. ``OUT/train/7/0123.png`` shows a seven, the image 123 of
the package; mmpretrain reads such folders.
"""
import argparse
import sys
from pathlib import Path

import numpy as np
from new_folder import complaint as complaint_of_folder
from new_folder import new_folder, write_image

BRIGHTEST = 16  # of the package's pixels
CLASSES = 10


def parse_args():
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'out',
        nargs='?',
        default='data/digits',
        type=Path,
        help='folder to write; default: data/digits')
    parser.add_argument(
        '--num-train',
        type=int,
        default=200,
        help='number of training images, the others are for validation; '
        'default: 200')
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of the split; default: 0')
    return parser.parse_args()


def load():
    """Return images from 0 to 255 and their labels, or say what is missing."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        sys.exit('scikit-learn has the digits and is not installed: run '
                 '`pip install scikit-learn`.')
    digits = load_digits()
    images = np.round(digits.images * (255 / BRIGHTEST)).astype(np.uint8)
    return images, digits.target


def complaint(args, number):
    """Return a sentence that says what is wrong with arguments, or None."""
    if not CLASSES <= args.num_train <= number - CLASSES:
        return (f'--num-train (={args.num_train}) must be from {CLASSES} to '
                f'{number - CLASSES}: each split has all classes.')
    if args.seed < 0:
        return f'--seed (={args.seed}) must be at least 0.'
    return complaint_of_folder(args.out)


def chosen(labels, count, seed):
    """Choose ``count`` images for training, each class by its share.

    The order of a class is drawn; its image at place k of n has the rank
    (k + 0.5) / n, and the lowest ranks of all classes are chosen.
    """
    rng, ranks = np.random.default_rng(seed), np.empty(len(labels))
    for label in np.unique(labels):
        where = rng.permutation(np.flatnonzero(labels == label))
        ranks[where] = (np.arange(len(where)) + 0.5) / len(where)
    return set(np.argsort(ranks, kind='stable')[:count].tolist())


def write_dataset(args, images, labels):
    """Write both splits into a new folder."""
    train = chosen(labels, args.num_train, args.seed)
    with new_folder(args.out) as part:
        for i, (image, label) in enumerate(zip(images, labels)):
            split = 'train' if i in train else 'val'
            write_image(part / f'{split}/{label}/{i:04d}.png', image)


def main():
    """Write the dataset, or say why it cannot be written."""
    args = parse_args()
    images, labels = load()
    problem = complaint(args, len(images))
    if problem:
        sys.exit(problem)
    write_dataset(args, images, labels)
    print(f'{args.num_train} + {len(images) - args.num_train} images in '
          f'{args.out}')


if __name__ == '__main__':
    main()
