"""The log and the visualizer of a Runner show an event."""
from types import SimpleNamespace

from mmrep.dyrep import Evolution, report
from mmrep.hooks.dyrep_shown import show_event

from ..dyrep.nets import conv3x3, data_of, net_of


def test_numbers_go_to_the_visualizer(monkeypatch):
    net, shown, logged = net_of(conv3x3()), [], []
    evolution = Evolution(net, scope='conv')
    record = evolution.event(4, evolution.new_scores(), data_of(net, size=8))
    monkeypatch.setattr(report, 'print_log',
                        lambda line, logger: logged.append(line))
    visualizer = SimpleNamespace(
        add_scalars=lambda numbers, step: shown.append((numbers, step)))
    show_event(SimpleNamespace(visualizer=visualizer), record)
    assert shown == [(report.scalars(record), 4)]
    assert logged == report.lines(record)
