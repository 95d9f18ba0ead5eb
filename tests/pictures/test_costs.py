"""Bars are as long as the numbers of their rows."""
import pytest

from mmrep.pictures.costs import draw_costs


def bars(axes):
    """Return the start and the length of each bar, part by part."""
    return [[(bar.get_x(), bar.get_width()) for bar in part]
            for part in axes.containers]


@pytest.fixture
def rows():
    parts = [dict(forward=1.0, backward=2.0, optimizer=0.5),
             dict(forward=2.0, backward=4.0, optimizer=1.0)]  # yapf: disable
    return [
        dict(
            config=f'configs/{name}.py',
            seconds=sum(part.values()),
            memory=mebi * 2**20,
            memory_ratio=mebi / 100,
            ratio=sum(part.values()) / 3.5,
            **part)
        for name, part, mebi in zip(('plain', 'rich'), parts, (100, 150))
    ]


def test_parts_lie_end_to_end(rows):
    time, memory = draw_costs('title', rows).axes
    assert bars(time) == [[(0, 1), (0, 2)], [(1, 2), (2, 4)], [(3, 0.5),
                                                               (6, 1)]]
    assert bars(memory) == [[(0, 100), (0, 150)]]
    legend = [text.get_text() for text in time.get_legend().get_texts()]
    assert legend == ['forward', 'backward', 'optimizer']


def test_rows_have_names_and_numbers(rows):
    figure = draw_costs('title', rows)
    time, memory = figure.axes
    names = [label.get_text() for label in time.get_yticklabels()]
    assert names == ['plain', 'rich']
    assert time.get_ylim() == (1.5, -0.5)  # the first is on top
    assert [t.get_text()
            for t in time.texts] == [' 3.5 s, 1.00×', ' 7 s, 2.00×']
    assert [t.get_text()
            for t in memory.texts] == [' 100, 1.00×', ' 150, 1.50×']
    assert figure.get_suptitle() == 'title'


def test_moments_of_a_net_that_evolves(rows):
    rows[1]['moment'] = 'half-way'
    time, _ = draw_costs('title', rows).axes
    names = [label.get_text() for label in time.get_yticklabels()]
    assert names == ['plain', 'rich, half-way']


def test_inference_has_one_bar_each():
    rows = [
        dict(config='a.py', form=form, seconds=seconds, ratio=seconds)
        for form, seconds in (('eval', 2.0), ('fused', 1.0))
    ]
    axes, = draw_costs('title', rows).axes
    assert bars(axes) == [[(0, 2), (0, 1)]]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ['a, eval', 'a, fused']
    assert axes.get_legend() is None


def test_labels_stay_inside(rows):
    for axes in draw_costs('title', rows).axes:
        end = max(x + width for part in bars(axes) for x, width in part)
        assert axes.get_xlim()[1] > 1.3 * end
