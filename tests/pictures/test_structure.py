"""Pictures show every block, nothing overlaps, colours mean one branch."""
import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.text import Text

from mmrep.dyrep import SEVEN
from mmrep.pictures.rows import rows_of
from mmrep.pictures.sheet import COLOURS, colours_of
from mmrep.pictures.structure import draw_structure
from mmrep.pictures.weights import KERNEL, Block, Conv

WEIGHTS = {KERNEL: 1.0, **dict.fromkeys(SEVEN, 0.0123)}


def net(count, weights=WEIGHTS):
    """Layers with a block inside, a plain convolution after each."""
    convs = []
    for i in range(count):
        name = f'backbone.layer{i // 6}.{i % 6}.conv2'
        inner = Block(f'{name}.kxk', (3, 3), weights, ())
        outer = Block(name, (3, 3), weights, (KERNEL, ))
        convs += [Conv(name, [outer, inner]), Conv(name[:-1] + '3', [])]
    return convs


def history_of(convs):
    """Return a history: every 100 iterations a block grows and is cut."""
    history, alive = [], {}
    names = [block.name for conv in convs for block in conv.blocks]
    for i, name in enumerate(names, 1):
        cut = [
            dict(name=other, branches=['1x1'], importances=[.001])
            for other in alive if alive[other].pop('1x1', None)
        ]
        alive[name] = {b: .01 * i for b in SEVEN if i < 4 or b != 'kx1'}
        importances = {key: dict(value) for key, value in alive.items()}
        history.append(
            dict(
                step=100 * i,
                grown=name,
                branches=SEVEN,
                cut=cut,
                importances=importances,
                parameters=[i * 1e6, i * 2e6],
                flops=[i * 1e9, i * 2e9]))
    return history


def texts_of(figure):
    """Return the texts of a picture and their rectangles, in pixels."""
    FigureCanvasAgg(figure).draw()
    legends = [a.get_legend() for a in figure.axes if a.get_legend()]
    texts = [*figure.texts, *legends]
    for axes in figure.axes:
        texts += [*axes.texts, axes.title, axes.xaxis.label]
    return [(text, text.get_window_extent()) for text in texts
            if not isinstance(text, Text) or text.get_text()]


@pytest.mark.parametrize('with_past', [False, True])
@pytest.mark.parametrize('count', [1, 25])
def test_no_text_overlaps_another(count, with_past):
    convs = net(count)
    history = history_of(convs) if with_past else []
    figure = draw_structure('net.pth', '1 of 2 are rich', convs, history)
    texts = texts_of(figure)
    width, height = figure.bbox.size
    for text, box in texts:
        assert 0 <= box.x0 and box.x1 <= width, text
        assert 0 <= box.y0 and box.y1 <= height, text
    for (one, box), (two, other) in itertools.combinations(texts, 2):
        assert not box.padded(-1).overlaps(other), (one, two)


def test_short_names_leave_room_for_the_header():
    conv = Conv('a', [Block('a', (3, 3), WEIGHTS, ())])
    texts = texts_of(draw_structure('', '', [conv]))
    for (one, box), (two, other) in itertools.combinations(texts, 2):
        assert not box.padded(-1).overlaps(other), (one, two)


def written(figure):
    return [t.get_text() for t, _ in texts_of(figure) if isinstance(t, Text)]


def test_all_blocks_and_weights_are_written():
    convs = net(2, {KERNEL: 1.0, '1x1': 0.034, 'identity': None})
    found = written(draw_structure('net.pth', 'summary', convs))
    names = [f'{conv.name}  3\u00d73' for conv in convs if conv.blocks]
    plain = [f'{conv.name}, plain' for conv in convs if not conv.blocks]
    assert {*names, *plain, 'kxk  3\u00d73', 'net.pth', 'summary'} < {*found}
    assert found.count('1 \u25be') == found.count('1') == 2
    assert found.count('0.034') == found.count('\u25cf') == 4


@pytest.mark.parametrize('weight', [0.0, float('nan'), 1e-30, 1e12])
def test_extreme_weights(weight):
    figure = draw_structure('', '', net(1, {KERNEL: 1.0, '1x1': weight}))
    assert f'{weight:.2g}' in written(figure)
    table, = figure.axes
    low, high = sorted(table.get_xlim())
    for bar in table.patches:
        assert low <= bar.get_x() and bar.get_x() + bar.get_width() <= high


def test_a_kxk_of_zero():
    figure = draw_structure('', '', net(1, {KERNEL: 0.0, '1x1': 2e5}))
    assert {'0 \u25be', '2e+05'} < {*written(figure)}


def test_panels_of_one_height_and_a_past_without_blocks():
    convs = net(2)
    figure = draw_structure('', '', convs, history_of(convs))
    limits = {axes.get_ylim() for axes in figure.axes[-len(SEVEN):]}
    assert len(limits) == 1 and limits.pop()[1] > 0.04
    empty = dict(history_of(convs)[0], grown=None, branches=[], importances={})
    assert len(draw_structure('', '', convs, [empty]).axes) == 1


def test_one_colour_for_a_branch_in_all_panels():
    convs = net(3)
    figure = draw_structure('', '', convs, history_of(convs))
    table, lives, *panels = figure.axes
    headers = {t.get_text(): t.get_color() for t in table.texts}
    titles = {axes.get_title(): axes for axes in panels}
    for name in SEVEN:
        lines = titles[name].lines[1:]  # the first is the line of the cut rule
        assert {line.get_color() for line in lines} == {COLOURS[name]}
        assert headers[name] == titles[name].title.get_color() == COLOURS[name]
    drawn = {to_hex(line.get_color()).upper() for line in lives.lines}
    assert drawn == {COLOURS[name] for name in SEVEN} | {'#000000'}


def test_every_branch_has_a_colour_of_its_own():
    names = ['kxk', 'kxk_1', 'kxk_2', '1x1', 'identity', '5x5', '3x3_d2']
    colours = colours_of(names)
    assert {*colours} == {*names} and list(colours)[0] == 'kxk'
    assert len({*colours.values()}) == len(names)


def test_blocks_that_are_gone_have_rows_below_theirs():
    blocks = [Block('b', (3, 3), WEIGHTS, ())]
    convs = [Conv(name, blocks * (name == 'b')) for name in 'abcd']
    former = ['b.branches.1x1_kxk.second', 'b', 'b.kxk', 'b.kxk.kxk', 'c']
    rows = rows_of(convs, former)
    assert [(row.label, row.depth) for row in rows] == [
        ('a, plain', 0), ('b  3\u00d73', 0), ('kxk, gone', 1),
        ('kxk, gone', 2), ('1x1_kxk, gone', 1), ('c, plain again', 0),
        ('d, plain', 0)
    ]  # yapf: disable


def test_plain_convolutions_in_one_row():
    convs = [Conv(name, []) for name in 'abc']
    assert rows_of(convs)[0].label == 'a and 2 more, plain'
