"""A picture is legible whatever the nets are called."""
from mmrep.answers.pictures import COLOURS, MARKERS, draw_comparison
from mmrep.answers.statistics import summaries
from mmrep.pictures.image import as_image

from .demo import demo, small


def draw(comparison, across=True):
    return draw_comparison(comparison, summaries(comparison), across)


def labels(figure):
    return [text.get_text() for text in figure.legends[0].texts]


def test_all_panels_share_colours_and_markers():
    figure = draw(demo())
    seeds, curves, costs = figure.axes
    handles = figure.legends[0].legend_handles
    assert [h.get_color() for h in handles] == list(COLOURS[:6])
    assert [h.get_marker() for h in handles] == list(MARKERS[:6])
    assert [line.get_color() for line in curves.lines] == list(COLOURS[:6])
    assert [c.lines[0].get_color()
            for c in costs.containers] == list(COLOURS[:6])
    assert len(set(zip(COLOURS * 9, MARKERS * 8))) == 72


def test_names():
    """Formulas, hidden names, characters without a picture, and long names."""
    names = ['a$x$', '_b', 'c\udc80\n', 'd' * 50 + 'e' * 50]
    figure = draw(small({name: {0: 1.} for name in names}))
    assert labels(figure) == [
        '1  a$x$', '2  _b', '3  c??', f"4  {'d' * 30}\u2026{'e' * 30}"
    ]
    assert not any(text.get_parse_math() for text in figure.legends[0].texts)


def test_shapes():
    wide, narrow = draw(demo()), draw(demo(), across=False)
    assert wide.get_figwidth() > 2 * wide.get_figheight()
    assert narrow.get_figheight() > 2 * narrow.get_figwidth()


def test_nothing_finished():
    image = as_image(draw(small(dict(a={}, b={}))))
    assert image.std() > 0
