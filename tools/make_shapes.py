"""Write a small dataset of textured shapes, for three hosts.

Every image is a cluttered background with shapes that hide parts of each
other. The same images and labels are written three times: ``OUT/coco`` for
mmdet, ``OUT/cityscapes`` for mmseg and ``OUT/classes`` for mmpretrain, which
has a crop around each shape in the folder of its class.
"""
import argparse
import sys
from pathlib import Path

import numpy as np
from new_folder import complaint as complaint_of_folder
from new_folder import new_folder
from rich.console import Console
from rich.progress import track
from shapes_drawing import EASY, HARD, draw
from shapes_layouts import write_split

MIN_SIZE = 48  # pixels
# hard images take more of them to learn from
EASY_DEFAULTS = dict(num_train=800, size=96)
HARD_DEFAULTS = dict(num_train=2000, size=64)


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
        '--hard',
        action='store_true',
        help='six classes, smaller shapes in crowds, patches of no class')
    parser.add_argument(
        '--num-train',
        type=int,
        help='number of training images; default: 800, with --hard 2000')
    parser.add_argument(
        '--num-val',
        type=int,
        default=100,
        help='number of validation images; default: 100')
    parser.add_argument(
        '--size',
        type=int,
        help='height and width of the images in pixels; default: 96, with '
        '--hard 64')
    parser.add_argument(
        '--seed',
        type=int,
        default=0,
        help='seed of the drawn data; default: 0')
    args = parser.parse_args()
    for name, value in (HARD_DEFAULTS if args.hard else EASY_DEFAULTS).items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    return args


def complaint(args):
    """Return a sentence that says what is wrong with arguments, or None."""
    lows = {'num-train': 1, 'num-val': 1, 'size': MIN_SIZE, 'seed': 0}
    for flag, low in lows.items():
        value = getattr(args, flag.replace('-', '_'))
        if value < low:
            return f'--{flag} (={value}) must be at least {low}.'
    return complaint_of_folder(args.out)


def samples(args, split, count):
    """Draw ``count`` images one by one; image i depends on seed, split, i."""
    bar = Console(stderr=True)
    for i in track(range(count), f'shapes {split:>5}', console=bar):
        rng = np.random.default_rng([args.seed, split == 'train', i])
        yield draw(rng, args.size, HARD if args.hard else EASY)


def write_dataset(args):
    """Write both splits into a new folder."""
    names = list((HARD if args.hard else EASY).shapes)
    counts = dict(train=args.num_train, val=args.num_val)
    with new_folder(args.out) as part:
        for split, count in counts.items():
            write_split(part, split, samples(args, split, count), names)


def main():
    """Write the dataset, or say why it cannot be written."""
    args = parse_args()
    problem = complaint(args)
    if problem:
        sys.exit(problem)
    write_dataset(args)
    print(f'{args.num_train} + {args.num_val} images in {args.out}')


if __name__ == '__main__':
    main()
