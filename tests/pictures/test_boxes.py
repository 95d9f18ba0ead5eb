"""Boxes are drawn where they are, in one column for each program."""
import cv2
import numpy as np

from mmrep.pictures.boxes import Found, draw_boxes

METAINFO = dict(classes=('disc', 'square'), palette=[(255, 0, 0), (0, 0, 255)])


def found(*rows):
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return Found(table[:, :4], table[:, 4], table[:, 5].astype(int))


def test_draw(tmp_path):
    """Both columns have the red box, and the second one the blue one."""
    disc, square = (5, 5, 30, 30, .9, 0), (40, 10, 60, 50, .8, 1)
    path = str(tmp_path / 'boxes.png')
    image = np.full((64, 64, 3), 255, np.uint8)
    draw_boxes(image, dict(a=found(disc), b=found(disc, square)), METAINFO,
               'title', path)
    blue, _, red = map(np.int16, cv2.split(cv2.imread(path)))
    drawn = red.shape[0] * 9 // 10  # the legend is below
    middle = red.shape[1] // 2
    reds, blues = ((a - b > 200)[:drawn]
                   for a, b in ((red, blue), (blue, red)))
    assert reds[:, :middle].any() and reds[:, middle:].any()
    assert blues[:, middle:].any() and not blues[:, :middle].any()


def test_no_boxes(tmp_path):
    path = str(tmp_path / 'boxes.png')
    image = np.zeros((64, 64, 3), np.uint8)
    draw_boxes(image, dict(a=found()), METAINFO, 'title', path)
    assert cv2.imread(path) is not None
