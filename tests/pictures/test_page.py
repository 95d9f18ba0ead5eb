"""A page in inches."""
import pytest

from mmrep.pictures.page import MARGIN, Page


def test_axes_are_where_they_belong():
    page = Page((8, 4))
    axes = page.axes(left=2, top=1, width=4, height=2)
    box = axes.get_position()
    assert (box.x0, box.x1) == (2 / 8, 6 / 8)
    assert (box.y1, box.y0) == (3 / 4, 1 / 4)  # from below
    assert tuple(page.figure.get_size_inches()) == (8, 4)


def test_text_hangs_from_its_upper_edge():
    page = Page((8, 4))
    page.text(1, 'some', fontsize=9)
    text, = page.figure.texts
    assert text.get_position() == (pytest.approx(MARGIN / 8), 3 / 4)
    assert text.get_va() == 'top' and text.get_text() == 'some'
