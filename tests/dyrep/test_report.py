"""The log lines and scalars of an event."""
import logging

import pytest
import torch
from mmengine.logging import MMLogger
from torch import nn

from mmrep.dyrep import Evolution, report

from .nets import conv3x3, data_of, net_of


def evolved(**options):
    net = net_of(conv3x3())
    evolution = Evolution(net, scope='conv', max_depth=1, **options)
    data = data_of(net, size=8)
    grown = evolution.event(4, evolution.new_scores(), data)
    with torch.no_grad():
        net.conv.branches['1x1'].norm.weight *= 1e-3
        net.conv.branches['kx1'].norm.weight *= 1e-4
    cut = evolution.event(8, evolution.new_scores(), data)
    return evolution, grown, cut


@pytest.fixture(scope='module')
def records():
    return evolved()[1:]


def test_lines_of_a_growth(records):
    first, last = report.lines(records[0])
    assert first.startswith("DyRep grew 'conv', score 0.000e+00, by 1x1, 1x1_")
    assert 'identity' in first and '(norms in eval)' in first
    before, after = records[0]['parameters']
    assert f'{before / 1e6:.2f} M -> {after / 1e6:.2f} M' in last
    assert 'G ->' in last


def test_lines_of_a_cut(records):
    cut, change, grown, _ = report.lines(records[1])
    assert cut == ("DyRep cut 1x1 (importance 0.000), kx1 (importance 0.000) "
                   "of 'conv'")
    assert change.startswith('DyRep: features changed by ')
    assert grown == 'DyRep: no kernel is left that could grow'


def test_numbers_of_a_growth(records):
    numbers = report.scalars(records[0])
    assert numbers['dyrep/blocks'] == 1
    assert numbers['dyrep/branches'] == 6
    assert numbers['dyrep/cut'] == 0 == numbers['dyrep/cut_change']
    assert numbers['dyrep/parameters'] == records[0]['parameters'][1]
    assert numbers['dyrep/flops'] == records[0]['flops'][1]
    assert 0 < numbers['dyrep/grown_change'] < 0.02
    assert numbers['dyrep/score'] == 0


def test_numbers_of_a_cut(records):
    numbers = report.scalars(records[1])
    assert numbers['dyrep/cut'] == 2 and numbers['dyrep/branches'] == 4
    assert not {'dyrep/score', 'dyrep/grown_change'} & numbers.keys()


def test_all_are_numbers(records):
    for record in records:
        for name, value in report.scalars(record).items():
            assert isinstance(value, (int, float)), name


@pytest.fixture
def logged():
    """Return what goes to the current logger of mmengine."""
    logger = MMLogger.get_instance('test_report', log_level='INFO')
    seen = []
    handler = logging.Handler()
    handler.emit = lambda entry: seen.append(
        (entry.levelno, entry.getMessage()))
    logger.addHandler(handler)
    return seen


def test_an_event_is_logged(records, logged):
    report.event(records[0])
    assert [text for _, text in logged] == report.lines(records[0])


@pytest.mark.parametrize('metric', ['snip', 'synflow'])
@pytest.mark.parametrize('train', [True, False])
def test_a_metric_of_noise_is_told(metric, train, logged):
    net = net_of(conv3x3())
    net.norm.train(train)
    report.start(Evolution(net, scope='conv', metric=metric))
    assert "1 kernels of 'conv' can grow, such as ['conv']" in logged[0][1]
    warnings = [text for level, text in logged if level == logging.WARNING]
    assert len(warnings) == (metric == 'synflow' and train)
    assert all('1 of 1 kernels' in text for text in warnings)


def test_it_tells_of_kernels_that_can_grow(logged):
    """Identity branches do not fit a convolution with a stride."""
    net = net_of(conv3x3())
    net.add_module('strided', nn.Conv2d(8, 8, 3, stride=2))
    net.add_module('strided_norm', nn.BatchNorm2d(8))
    report.start(
        Evolution(
            net,
            scope=['conv', 'strided'],
            branches=['identity'],
            metric='synflow'))
    warnings = [text for level, text in logged if level == logging.WARNING]
    assert len(warnings) == 1 and '1 of 1 kernels' in warnings[0]
