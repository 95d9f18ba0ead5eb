"""Every layer and channel is at the place of its numbers."""
import pytest

from mmrep.pictures.ranges import draw_ranges


def row(name, *channels):
    return dict(
        layer=name,
        channels=list(channels),
        weights_per_channel=40.,
        weights_per_tensor=40. - len(channels),
        activations=30.)


def test_layers():
    rows = [row('stem.conv', 0.5, 2.), row('head.conv', 1., 0.1, 0.2)]
    weights, noise = draw_ranges('net', rows).axes
    drawn = {(x, y)
             for line in weights.lines
             for x, y in zip(line.get_xdata(), line.get_ydata())}
    assert drawn == {(0, 0.5), (0, 2.), (1, 1.), (1, 0.1), (1, 0.2)}
    lines = {line.get_label(): list(line.get_ydata()) for line in noise.lines}
    assert lines['weights, per tensor'] == pytest.approx([38, 37])
    assert lines['weights, per channel'] == [40, 40]
    assert [t.get_text()
            for t in noise.get_xticklabels()] == ['stem.conv', 'head.conv']
