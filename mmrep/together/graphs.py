"""Graphs of operations: trace a function, and leave out what it repeats.

Each operation that is launched costs as much as several small kernels take,
and a view as much as a third of that.
"""
from typing import Any, Callable, Dict, Hashable, Sequence

import torch
from torch import Tensor
from torch.func import functionalize
from torch.fx import GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx

from ..compat.autocasting import without_autocast
from ..compat.dispatching import writes
from .shortcuts import take_shortcuts
from .views import (PLACED, is_strided, is_view, join_views, layout_of,
                    name_of, place_results)

# operations with the same arguments as the function of this name
DIRECT = {
    'add', 'addcmul', 'as_strided', 'baddbmm', 'bmm', 'cat', 'clone',
    'constant_pad_nd', 'convolution', 'diag_embed', 'diagonal', 'div', 'flip',
    'mul', 'neg', 'rsqrt', 'select', 'stack', 'sub', 'sum', 'unbind'
}

COPY = torch.ops.aten.copy.default  # it has no derivative
NEW = DIRECT - {'as_strided', 'diagonal', 'select', 'unbind'} | {
    placed.__name__
    for placed in PLACED.values()
}


def trace(function: Callable[..., Sequence[Tensor]],
          tensors: Sequence[Tensor],
          joined: bool = True,
          shared: int = 0) -> GraphModule:
    """Return the operations of a function on tensors of these shapes.

    Args:
        function: A pure function from tensors to tensors.
        tensors: Its contiguous arguments; their values do not matter.
        joined: False for a compiler, which sees less behind joined views.
        shared: The number of results at the end that may share memory.
    """
    # hooks on what autograd saves, as checkpoints have, must not see a trace
    tensors = [tensor.detach() for tensor in tensors]
    with torch.enable_grad(), without_autocast(tensors[0].device.type):
        graph = make_fx(function, tracing_mode='real')(*tensors)
        if any(map(_writes, graph.graph.nodes)):
            pure = functionalize(graph, remove='mutations_and_views')
            graph = make_fx(pure, {COPY: _copied}, 'real')(*tensors)
    _drop_unused(graph)
    _keep_constants(graph)
    _drop_copies(graph)
    if joined:
        take_shortcuts(graph)
        place_results(graph)
        join_views(graph)
    _join_equal(graph)
    _own_results(graph, shared)
    _drop_unused(graph)
    if joined:
        _call_directly(graph)
    graph.recompile()
    return graph


def _copied(there: Tensor, source: Tensor, _: bool = False) -> Tensor:
    return source.to(there.dtype).expand_as(there)


def _writes(node: Node) -> bool:
    """Return True for an operation that changes one of its inputs."""
    return node.op == 'call_function' and writes(node.target)


def _drop_unused(module: GraphModule) -> None:
    """Remove results that nothing uses."""
    for node in reversed(list(module.graph.nodes)):
        if node.op == 'call_function' and not node.users:
            module.graph.erase_node(node)


def _keep_constants(module: GraphModule) -> None:
    """Compute once what depends on no argument."""
    values: Dict[Node, Any] = {}
    for node in list(module.graph.nodes):
        if node.op == 'get_attr':
            values[node] = getattr(module, node.target)
        elif node.op == 'call_function' and all(n in values
                                                for n in node.all_input_nodes):
            args, kwargs = torch.fx.node.map_arg((node.args, node.kwargs),
                                                 values.__getitem__)
            values[node] = node.target(*args, **kwargs)
    for i, (node, value) in enumerate(values.items()):
        needed = any(user not in values for user in node.users)
        if node.op == 'get_attr' or not needed or not isinstance(
                value, Tensor):
            continue
        name = f'constant_{i}'
        module.register_buffer(name, value)
        with module.graph.inserting_before(node):
            new = module.graph.get_attr(name)
        new.meta['val'] = node.meta['val']
        node.replace_all_uses_with(new)
    _drop_unused(module)


def _drop_copies(module: GraphModule) -> None:
    """Leave out copies to the same layout, and products with one."""
    for node in list(module.graph.nodes):
        same = name_of(node) == 'clone' or name_of(node) == 'mul' and (
            node.args[1] in (1, 1.0))
        if same and _looks(node) == _looks(node.args[0]):
            node.replace_all_uses_with(node.args[0])


def _looks(node: Node) -> tuple:
    return layout_of(node), node.meta['val'].dtype


def _own_results(module: GraphModule, shared: int) -> None:
    """Copy results that share memory with arguments or with each other."""
    output = next(n for n in module.graph.nodes if n.op == 'output')
    results, seen = list(output.args[0]), set()
    for i, node in enumerate(results[:len(results) - shared]):
        base = node
        while is_view(base) or is_strided(base):
            base = base.args[0]
        if base.op != 'call_function' or base in seen or name_of(
                base) not in NEW:
            with module.graph.inserting_before(output):
                results[i] = module.graph.call_function(
                    torch.ops.aten.clone.default, (node, ))
        seen.add(base)
    output.args = (tuple(results), )


def _call_directly(module: GraphModule) -> None:
    """Call functions of torch, which take less time than overloads."""
    for node in module.graph.nodes:
        if name_of(node) in DIRECT:
            node.target = getattr(torch, name_of(node))


def _join_equal(module: GraphModule) -> None:
    """Make the same operation on the same inputs once."""
    seen: Dict[Hashable, Node] = {}
    for node in list(module.graph.nodes):
        if node.op == 'call_function':
            key = repr((node.target, node.args, node.kwargs))
            first = seen.setdefault(key, node)
            if first is not node:
                node.replace_all_uses_with(first)
