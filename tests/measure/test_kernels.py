"""A net is built anew for each way of making its kernels."""
from torch import nn

import mmrep
from mmrep.measure.comparison import in_way
from mmrep.measure.kernels import WAYS, in_ways
from mmrep.together.batcher import Batcher


def rich():
    return nn.Sequential(
        mmrep.OREPAConv2d(3, 4, 3), mmrep.OREPAConv2d(4, 4, 3))


def batchers(net):
    hooks = net._forward_pre_hooks.values()
    return [h.__self__ for h in hooks if isinstance(h.__self__, Batcher)]


def test_each_way_has_a_net():
    found = dict(in_ways(rich, list(WAYS)))
    assert list(found) == ['apart', 'batched', 'compiled']
    assert [[b.compiled for b in batchers(net)]
            for net in found.values()] == [[], [False], [True]]
    assert len(set(found.values())) == 3


def test_a_plain_net_is_built_once():
    found = list(in_ways(lambda: nn.Conv2d(3, 4, 3), list(WAYS)))
    assert [way for way, _ in found] == [None]


def test_without_ways_a_net_stays_as_it_is():
    (way, net), = in_ways(rich, ())
    assert way is None and not batchers(net)


def test_rows_name_the_way():
    step = object()
    assert in_way('batched', [(dict(config='a'), step)]) == [
        (dict(config='a', kernels='batched'), step)
    ]
    assert in_way(None,
                  [(dict(config='a'), step)]) == [(dict(config='a'), step)]
