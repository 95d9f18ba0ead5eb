"""The operations of a graph, without the views of what stays in memory."""
from typing import Any, Hashable, List, NamedTuple, Optional, Sequence

from torch import Tensor
from torch.fx import GraphModule

from .views import is_strided, part_of

Kept = dict  # views of batches that stay in memory, by what uses them


class Place(NamedTuple):
    """An argument of a graph, or a view of it: shape, strides and start."""

    number: int
    layout: Optional[tuple] = None

    def of(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return the argument, or the view of it."""
        tensor = tensors[self.number]
        return tensor if self.layout is None else part_of(tensor, *self.layout)


class Operations:
    """The operations of a graph, as a function of the same arguments.

    Args:
        graph: The graph. Views of its arguments become its arguments.
    """

    def __init__(self, graph: GraphModule) -> None:
        self.places = _lift_views(graph)
        # not as a module, which modes such as counters of operations follow
        self.run = graph.forward

    def __call__(self,
                 tensors: Sequence[Tensor],
                 stay: int = 0,
                 kept: Optional[Kept] = None,
                 user: Hashable = None) -> Sequence[Tensor]:
        """Return the results.

        Args:
            tensors: The arguments.
            stay: The number of arguments in front that stay in memory.
            kept: The views of these, for each user. Defaults to None: they
                are made anew.
            user: The user of these operations.
        """
        views = None if kept is None else kept.get((user, self))
        if views is None:
            views = [p.of(tensors) for p in self.places if p.number < stay]
            if kept is not None:
                kept[user, self] = views
        rest = self.places[len(views):]
        return self.run(*views, *[place.of(tensors) for place in rest])


def _lift_views(module: GraphModule) -> List[Place]:
    """Make arguments of views of arguments; return them in order."""
    graph, found = module.graph, []
    arguments = [n for n in graph.nodes if n.op == 'placeholder']
    last = arguments[-1]
    for number, argument in enumerate(arguments):
        views = [user for user in argument.users if is_strided(user)]
        for node in [argument, *views]:
            if not set(node.users) - set(views if node is argument else ()):
                continue
            with graph.inserting_after(last):
                last = new = graph.placeholder(f'seen{len(found)}')
            new.meta.update(node.meta)
            layout = None if node is argument else _layout(*node.args[1:])
            found.append(Place(number, layout))
            node.replace_all_uses_with(
                new, delete_user_cb=lambda user: user not in views)
        for node in [*views, argument]:
            graph.erase_node(node)
    module.recompile()
    return found


def _layout(shape: Any, strides: Any, start: int = 0) -> tuple:
    return tuple(shape), tuple(strides), start
