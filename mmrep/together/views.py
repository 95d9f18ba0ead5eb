"""Passes over a graph that join views, and copies to other layouts.

A view costs the host a third of what an operation costs, and a copy as much as
the operation whose result it puts in another order.
"""
from math import prod
from typing import Any, Dict, Optional, Tuple

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

Layout = Tuple[tuple, tuple]

# views that begin where their base begins
VIEWS = {
    '_unsafe_view', 'alias', 'as_strided', 'detach', 'expand', 'permute',
    'squeeze', 't', 'transpose', 'unsqueeze', 'view'
}


def name_of(node: Node) -> str:
    """Return the name of a node's operation, empty for other nodes."""
    if node.op != 'call_function':
        return ''
    packet = getattr(node.target, 'overloadpacket', node.target)
    return getattr(packet, '__name__', '')


def layout_of(node: Node) -> Layout:
    """Return the shape and the strides of a node's value."""
    value = node.meta['val']
    return tuple(value.shape), tuple(value.stride())


def is_view(node: Node) -> bool:
    """Return True for a view that :func:`join_views` can join."""
    if name_of(node) == 'as_strided' and len(node.args) > 3:
        return False
    return name_of(node) in VIEWS or _start(node) is not None


def is_strided(node: Node) -> bool:
    """Return True for a view that :func:`join_views` has made."""
    return name_of(node) in ('as_strided', part_of.__name__)


def join_views(module: GraphModule) -> None:
    """Make each chain of views one view of its base."""
    graph = module.graph
    for node in list(graph.nodes):
        if not is_view(node) or all(map(is_view, node.users)):
            continue
        base, start = node, 0
        while is_view(base):
            start += _start(base) or 0
            base = base.args[0]
        layout = layout_of(node)
        if layout == layout_of(base):
            node.replace_all_uses_with(base)
            continue
        with graph.inserting_before(node):
            new = _strided(graph, base, layout, start)
        new.meta['val'] = node.meta['val']
        node.replace_all_uses_with(new)


def _strided(graph: torch.fx.Graph, base: Node, layout: Layout,
             start: int) -> Node:
    if start:
        return graph.call_function(part_of, (base, *layout, start))
    return graph.call_function(torch.ops.aten.as_strided.default,
                               (base, *layout))


def part_of(base: Tensor, shape: tuple, strides: tuple, start: int) -> Tensor:
    """Return a view that begins at an entry of its base."""
    return torch.as_strided(base, shape, strides,
                            base.storage_offset() + start)


def _start(node: Node) -> Optional[int]:
    """Return where a part of a tensor begins, None for other nodes."""
    if name_of(node) == 'select':
        base, dim, start = node.args
    elif name_of(node) == 'slice' and len(node.args) < 5:
        base, dim, start, *_ = (*node.args, 0, 0)[:4]
    else:
        return None
    shape, strides = layout_of(base)
    size = shape[dim]
    start = min(max(start + size if start < 0 else start, 0), size)
    return start * strides[dim]


def place_results(module: GraphModule) -> None:
    """Write results where a copy would put them that only reorders them."""
    for node in list(module.graph.nodes):
        if name_of(node) != 'clone':
            continue
        source, *chain = _chain(node.args[0])
        placed = PLACED.get(name_of(source))
        strides = _strides(source, node.args[0], node)
        if placed is None or strides is None or source.kwargs or any(
                len(each.users) > 1 for each in (source, *chain)):
            continue
        if not source.args[0].meta['val'].dim():
            continue  # a number may be on another device
        shape, dtype = source.meta['val'].shape, source.meta['val'].dtype
        with module.graph.inserting_before(source):
            new = module.graph.call_function(
                placed, (*source.args, tuple(shape), strides, dtype))
        new.meta['val'] = source.meta['val'].new_empty_strided(shape, strides)
        source.replace_all_uses_with(new)
        shape, strides = layout_of(node)
        with module.graph.inserting_before(node):
            view = _strided(module.graph, new, (shape, strides), 0)
        view.meta['val'] = node.meta['val']
        node.replace_all_uses_with(view)


def _chain(node: Node) -> list:
    """Return what a node is a view of, and the views in between."""
    found = [node]
    while name_of(found[0]) in VIEWS:
        found.insert(0, found[0].args[0])
    return found


def _strides(source: Node, view: Node, copy: Node) -> Optional[tuple]:
    """Return the strides of a source whose view is laid out as the copy.

    Returns:
        None if the view does more than to permute, split or drop dimensions
        of one entry.
    """
    (shape, strides), (seen, of_seen) = layout_of(source), layout_of(view)
    _, wanted = layout_of(copy)
    places: Dict[tuple, int] = {}
    for size, stride, new in zip(seen, of_seen, wanted):
        if size > 1:
            places[size, stride] = new
    found = [
        places.get((size, stride)) if size > 1 else 1
        for size, stride in zip(shape, strides)
    ]
    whole = prod(size for size, _ in places) == prod(shape)
    return tuple(found) if whole and None not in found else None


def add_placed(a: Tensor, b: Tensor, *layout: Any) -> Tensor:
    if torch.is_grad_enabled():
        return _reordered(a + b, *layout)
    return torch.add(a, b, out=_new(a, *layout))


def addcmul_placed(total: Tensor, a: Tensor, b: Tensor, *layout:
                   Any) -> Tensor:
    if torch.is_grad_enabled():
        return _reordered(torch.addcmul(total, a, b), *layout)
    return torch.addcmul(total, a, b, out=_new(a, *layout))


def mul_placed(a: Tensor, b: Tensor, *layout: Any) -> Tensor:
    if torch.is_grad_enabled():
        return _reordered(a * b, *layout)
    return torch.mul(a, b, out=_new(a, *layout))


def _new(like: Tensor, shape: tuple, strides: tuple,
         dtype: torch.dtype) -> Tensor:
    return like.new_empty_strided(shape, strides, dtype=dtype)


def _reordered(tensor: Tensor, _: tuple, strides: tuple,
               dtype: torch.dtype) -> Tensor:
    """Return a copy with these strides, by operations for autograd."""
    dims = range(tensor.dim())
    order = sorted(dims, key=strides.__getitem__, reverse=True)
    back = sorted(dims, key=order.__getitem__)
    return tensor.permute(order).contiguous().permute(back).to(dtype)


PLACED = dict(add=add_placed, addcmul=addcmul_placed, mul=mul_placed)
