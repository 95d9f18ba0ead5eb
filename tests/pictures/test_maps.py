"""Maps and overview show every block, and nothing overlaps."""
import itertools

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from mmrep.pictures.maps import draw_likenesses
from mmrep.pictures.similarity import Likeness

BRANCHES = ['origin', 'average', 'prior']


def block(i, value=0.5):
    matrix = torch.full((3, 3), value, dtype=torch.float64)
    matrix.fill_diagonal_(1)
    return Likeness(f'backbone.layer{i}.conv', BRANCHES, matrix)


def drawn(nets):
    """The overview and the maps, drawn."""
    figure = draw_likenesses('title', nets)
    FigureCanvasAgg(figure).draw()
    overview, *maps = figure.axes
    return figure, overview, maps


def labels(ticks):
    return [tick.get_text() for tick in ticks]


def test_a_map_per_block():
    blocks = [block(1, 0.25), block(2, -0.004)]
    _, _, (first, second) = drawn(dict(net=blocks))
    for axes, each in zip((first, second), blocks):
        image, = axes.images
        assert np.array_equal(image.get_array(), each.matrix.numpy())
        assert image.get_clim() == (-1, 1)
        assert labels(axes.get_yticklabels()) == BRANCHES
    assert first.get_title('left') == 'layer1.conv   0.25'
    assert labels(first.texts) == ['.25'] * 6
    assert labels(second.texts) == ['.00'] * 6


def test_kernels_of_zero_have_no_number():
    one = block(1)
    one.matrix[2] = one.matrix[:, 2] = torch.nan
    _, _, (axes, ) = drawn(dict(net=[one]))
    assert labels(axes.texts) == ['.50'] * 2


def test_overview_has_a_line_per_net():
    nets = dict(
        first=[block(1, 0.1), block(2, 0.2)],
        second=[block(2, -0.4), block(3, 0.3)])
    figure, overview, _ = drawn(nets)
    lines = [(list(line.get_xdata()), list(line.get_ydata()))
             for line in overview.lines]
    assert lines == [([0, 1], pytest.approx([0.1, 0.2])),
                     ([1, 2], pytest.approx([0.4, 0.3]))]
    assert labels(overview.get_xticklabels()) == [
        'layer1.conv', 'layer2.conv', 'layer3.conv'
    ]
    assert labels(overview.get_legend().get_texts()) == list(nets)
    assert {'title', 'first', 'second'} < set(labels(figure.texts))


def test_one_net_needs_no_legend():
    _, overview, _ = drawn(dict(net=[block(1)]))
    assert overview.get_legend() is None


@pytest.mark.parametrize('count', [1, 7])
@pytest.mark.parametrize('nets', [1, 2])
def test_nothing_overlaps(count, nets):
    blocks = [block(i) for i in range(count)]
    figure, overview, maps = drawn({f'net {i}': blocks for i in range(nets)})
    boxes = [text.get_window_extent() for text in figure.texts]
    # with all labels and titles
    boxes += [axes.get_tightbbox() for axes in (overview, *maps)]
    width, height = figure.bbox.size
    for box in boxes:
        assert 0 <= box.x0 and box.x1 <= width
        assert 0 <= box.y0 and box.y1 <= height
    for box, other in itertools.combinations(boxes, 2):
        assert not box.padded(-1).overlaps(other)
