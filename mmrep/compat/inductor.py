"""Compile a graph of operations, without a check of each call's arguments.

Uses: ``torch._inductor.compile``, which takes a graph as it is.
``torch.compile`` would compare all arguments with those it has seen before
each call, and compile again where one differs. The function has no public name
up to PyTorch 2.14.
"""
from typing import Callable, Sequence

from torch import Tensor
from torch.fx import GraphModule

from .private import private
from .quiet import muted

_compile = private('torch._inductor.compile', __name__, 'to compile kernels')


def compiled(graph: GraphModule,
             tensors: Sequence[Tensor]) -> Callable[..., Sequence[Tensor]]:
    """Return a graph as machine code, for tensors of these shapes.

    Args:
        graph: The graph, which loses what it knows of its tensors.
        tensors: Arguments of the graph, whose values do not matter.
    """
    for node in graph.graph.nodes:
        node.meta.clear()  # it would be of another tracer
    on_cpu = all(tensor.device.type == 'cpu' for tensor in tensors)
    options = {'cpp_wrapper': True} if on_cpu else {}
    with muted():  # on a CPU it warns that there is no GPU
        return _compile(graph, list(tensors), options=options)
