"""Passes over a graph that compute the same in fewer operations."""
from typing import Any, Callable, Optional

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg

from .views import layout_of, name_of

PAD = torch.ops.aten.constant_pad_nd.default
ADD = torch.ops.aten.add.Tensor
ADDCMUL = torch.ops.aten.addcmul.default


def take_shortcuts(module: GraphModule) -> None:
    """Join paddings and sums of products, and leave out what does nothing."""
    _drop_paddings(module)
    _join_paddings(module)
    _join_products(module)


def _drop_paddings(module: GraphModule) -> None:
    """Leave out paddings by no pixel, as far as they move no entry."""
    for node in list(module.graph.nodes):
        if name_of(node) == 'constant_pad_nd' and not any(
                node.args[1]) and layout_of(node) == layout_of(node.args[0]):
            node.replace_all_uses_with(node.args[0])


def _join_paddings(module: GraphModule) -> None:
    """Make ``(a + pad(b)) + pad(c)`` to ``a + pad(b + c)``."""
    for node in list(module.graph.nodes):
        pads = _added(node, 'constant_pad_nd')
        inner = _added(node, 'add')
        if pads is None or inner is None:
            continue
        other = _added(inner, 'constant_pad_nd')
        if other is None or other.args[1:] != pads.args[1:] or (layout_of(
                other.args[0]) != layout_of(pads.args[0])):
            continue
        rest = next(each for each in inner.args if each is not other)
        with module.graph.inserting_before(node):
            small = _new(module, ADD, other.args[0], pads.args[0])
            joined = _new(module, PAD, small, *pads.args[1:])
            total = _new(module, ADD, rest, joined)
        if _replaced(node, total):
            for old in (node, pads, inner, other):
                module.graph.erase_node(old)


def _join_products(module: GraphModule) -> None:
    """Make ``a + b * c`` one operation."""
    for node in list(module.graph.nodes):
        product = _added(node, 'mul')
        if product is None or not all(
                isinstance(factor, Node) for factor in product.args):
            continue
        rest = next(each for each in node.args if each is not product)
        with module.graph.inserting_before(node):
            new = _new(module, ADDCMUL, rest, *product.args)
        if _replaced(node, new):
            module.graph.erase_node(node)
            module.graph.erase_node(product)


def _added(node: Node, name: str) -> Optional[Node]:
    """Return the last result of this operation that a sum alone uses."""
    if name_of(node) != 'add' or node.kwargs or len(node.args) != 2 or not all(
            isinstance(each, Node) for each in node.args):
        return None
    shape = node.meta['val'].shape
    found = [
        each for each in node.args
        if name_of(each) == name and list(each.users) == [node]
        and each.meta['val'].shape == shape and not each.kwargs
    ]
    return found[-1] if found and node.args[0] is not node.args[1] else None


def _new(module: GraphModule, operation: Callable[..., Tensor], *args:
         Any) -> Node:
    """Add an operation; it tells what its result looks like."""
    new = module.graph.call_function(operation, args)
    new.meta['val'] = operation(*map_arg(args, _empty))
    return new


def _empty(node: Node) -> Tensor:
    value = node.meta['val']
    return torch.empty_strided(
        *layout_of(node), dtype=value.dtype, device='meta')


def _replaced(node: Node, new: Node) -> bool:
    """Put a node in place of another one if users see no difference.

    Views count on the layout of their base.
    """
    same = layout_of(node) == layout_of(new) and (node.meta['val'].dtype
                                                  == new.meta['val'].dtype)
    if same:
        new.meta['val'] = node.meta['val']
        node.replace_all_uses_with(new)
    return same
