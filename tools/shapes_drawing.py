"""The images of `make_shapes.py`: textured shapes that hide parts of others.

All classes draw colours and patterns from one pool: only the outline tells
them apart.
"""
from typing import Dict, NamedTuple, Sequence, Tuple

import cv2
import numpy as np

AROUND = np.linspace(0, 2 * np.pi, 96, endpoint=False)
MIN_VISIBLE = 0.5  # part of a shape's area; with less, its class is a guess


def rectangle(width, height):
    """Return the radii AROUND of a rectangle of this half size."""
    with np.errstate(divide='ignore'):
        return np.minimum(width / abs(np.cos(AROUND)),
                          height / abs(np.sin(AROUND)))


# Radii of the corners around the centre, at equal angles. The label of a class
# is its place here plus one: 0 is the background.
EASY_SHAPES = dict(
    circle=(0.9, ) * 48,
    square=(1., ) * 4,
    triangle=(1.1, ) * 3,
    star=(1.15, 0.5) * 5)
HARD_SHAPES = dict(
    EASY_SHAPES,
    cross=np.maximum(rectangle(1.1, 0.4), rectangle(0.4, 1.1)),
    drop=0.65 + 0.6 * abs(AROUND / np.pi - 1)**3)


class Level(NamedTuple):
    """How hard the images are.

    Attributes:
        shapes: Radii of each class.
        tries: Least and most shapes that an image gets, if they fit.
        scale: Least and greatest radius, as parts of the image's size.
        background: Darkest and brightest colour behind the shapes.
        foreground: Darkest and brightest colour of the shapes.
        crowding: Part of the shapes that are placed beside the one before.
        distractors: Patches without a class, behind and between the shapes.
    """

    shapes: Dict[str, Sequence[float]]
    tries: Tuple[int, int]
    scale: Tuple[float, float]
    background: Tuple[int, int]
    foreground: Tuple[int, int]
    crowding: float = 0.
    distractors: int = 0


EASY = Level(EASY_SHAPES, (4, 8), (0.15, 0.28), (0, 160), (80, 250))
HARD = Level(HARD_SHAPES, (5, 9), (0.13, 0.24), (0, 110), (110, 250), 0.5, 2)


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


def centre(rng, size, reach, beside, crowding):
    """Return a place for a shape, perhaps near the place ``beside``."""
    low, high = reach, size - reach
    if crowding and beside is not None and rng.random() < crowding:
        near = beside + rng.uniform(-1.5, 1.5, 2) * reach
        return np.clip(near, low, high)
    return rng.uniform(low, high, 2)


def outline(rng, radii, size, level, beside=None):
    """Return the (size, size) mask of one shape and its centre."""
    scale = size * rng.uniform(*level.scale)
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    angles += rng.uniform(0, 2 * np.pi)
    corners = np.stack([np.cos(angles), np.sin(angles)], 1)
    corners *= scale * np.array(radii)[:, None]
    middle = centre(rng, size, 1.2 * scale, beside, level.crowding)
    corners += middle
    mask = np.zeros((size, size), np.uint8)
    return cv2.fillPoly(mask, [np.round(corners).astype(int)], 1) > 0, middle


def patch(rng, size, level):
    """Return the mask of a half plane or of a blob with an outline of none."""
    if rng.random() < 0.2:
        turned = rng.normal(size=2) @ (
            np.mgrid[:size, :size].reshape(2, -1) -
            rng.uniform(0.1, 0.9, (2, 1)) * size)
        return turned.reshape(size, size) > 0
    waves = np.arange(2, 5)[:, None] * AROUND
    waves = np.cos(waves + rng.uniform(0, 2 * np.pi, (3, 1)))
    radii = np.clip(0.9 + rng.uniform(0.15, 0.35, 3) @ waves, 0.2, 1.6)
    return outline(rng, radii, size, level)[0]


def all_seen(instances, areas):
    """Return True if enough of every instance is still visible."""
    seen = np.bincount(instances.ravel(), minlength=len(areas) + 1)[1:]
    return (seen >= MIN_VISIBLE * np.array(areas)).all()


def distract(rng, image, instances, areas, level):
    """Lay a patch over the image where it leaves enough of every shape."""
    mask = patch(rng, len(image), level)
    trial = np.where(mask, 0, instances)
    if all_seen(trial, areas):
        instances[mask] = 0
        image[mask] = texture(rng, len(image), *level.foreground)[mask]


def draw(rng, size, level=EASY):
    """Return an image, its instance map (0 is none) and the labels."""
    image = texture(rng, size, *level.background)
    instances = np.zeros((size, size), int)
    clutter(rng, image)
    labels, areas, beside = [], [], None
    tries = rng.integers(level.tries[0], level.tries[1] + 1)
    when = rng.integers(0, tries, level.distractors)
    for i in range(tries):
        for _ in range((when == i).sum()):
            distract(rng, image, instances, areas, level)
        label = rng.integers(len(level.shapes))
        radii = list(level.shapes.values())[label]
        mask, beside = outline(rng, radii, size, level, beside)
        trial = np.where(mask, len(labels) + 1, instances)
        if all_seen(trial, areas + [mask.sum()]):
            instances, areas = trial, areas + [mask.sum()]
            labels.append(int(label) + 1)
            image[mask] = texture(rng, size, *level.foreground)[mask]
    image += rng.normal(0, 8, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), instances, labels
