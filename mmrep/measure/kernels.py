"""Ways in which a net makes the kernels of its blocks."""
from typing import Callable, Iterator, Optional, Sequence, Tuple

from torch import nn

from ..nets.walk import rep_layers
from ..together import batch_kernels

# how `batch_kernels` is called, by the name of the way
WAYS = dict(
    apart=dict(enabled=False), batched=dict(), compiled=dict(compiled=True))
Way = Optional[str]


def in_ways(build: Callable[[], nn.Module],
            ways: Sequence[str]) -> Iterator[Tuple[Way, nn.Module]]:
    """Build a net for each way; one without blocks is built once.

    Args:
        build: Function that builds the net.
        ways: Names in ``WAYS``; none leaves a net as it is.

    Yields:
        The way, None for a net that stays as it is, and the net.
    """
    for way in ways or (None, ):
        net = build()
        if way is None or not any(rep_layers(net)):
            yield None, net
            return
        yield way, batch_kernels(net, **WAYS[way])
