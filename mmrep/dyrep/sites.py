"""The kernels of a model that can grow branches."""
from collections import Counter
from typing import Any, Dict, Iterator, NamedTuple, Sequence, Tuple, Union

from torch import nn

from ..errors import UserError
from ..layers import BranchedConv2d
from ..layers.geometry import Geometry
from ..nets.rich import are_patterns, is_conv, matches, why_not_rich
from ..nets.walk import names, replace
from ..structures.from_weights import block_for

Patterns = Union[str, Sequence[str]]

INSIDE = dict(kxk='kxk', second='branches.1x1_kxk.second')


class Site(NamedTuple):
    """A kernel larger than 1x1.

    ``layer`` is the name of a convolution; ``inside`` leads from it to the
    kernel of a block in the block: ``kxk`` or ``second`` of each level.
    """

    layer: str
    inside: Tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As the modules are named."""
        return '.'.join([self.layer, *map(INSIDE.get, self.inside)])

    @property
    def outer(self) -> 'Site':
        """The site of the block around."""
        return Site(self.layer, self.inside[:-1])


def find_sites(model: nn.Module, scope: Patterns,
               max_depth: int) -> Dict[Site, nn.Parameter]:
    """All that may grow, with their kernels.

    Those are the kernels larger than 1x1 that want gradients: of plain
    convolutions and, while blocks are nested less than ``max_depth`` deep, of
    blocks (DyRep, section 4.1: "recursively"). Not one that several modules
    share: the others would not grow with it.

    Args:
        model: Not wrapped.
        scope: Names of convolutions or of modules around them, with ``*``,
            ``?`` and ``[...]`` as in file names.
        max_depth: 1 keeps blocks from having blocks inside.

    Raises:
        UserError: ``scope`` names no modules, or a pattern of it matches no
            convolution.
    """
    convs = convolutions_in(model, scope)
    refused = why_not_rich(
        model, [c for c in convs if not isinstance(c, BranchedConv2d)])
    sites = {}
    for conv, name in convs.items():
        if max(conv.kernel_size) == 1 or conv in refused:
            continue
        elif isinstance(conv, BranchedConv2d):
            sites.update(_inside(conv, Site(name), max_depth))
        else:
            sites[Site(name)] = conv.weight
    uses = Counter(
        id(p) for m in model.modules()
        for _, p in m.named_parameters(recurse=False, remove_duplicate=False))
    return {
        site: kernel
        for site, kernel in sites.items()
        if kernel.requires_grad and uses[id(kernel)] == 1
    }


def check_scope(scope: Any) -> None:
    """Refuse what names no modules.

    Raises:
        UserError: It is neither a name nor several.
    """
    several = [scope] if isinstance(scope, str) else scope
    if not are_patterns(several) or not several:
        raise UserError(
            f'`scope` (={scope!r}) must be the name of a module of the model, '
            "such as 'backbone', or a list of names")


def convolutions_in(model: nn.Module, scope: Patterns) -> Dict[nn.Module, str]:
    """The convolutions of any kind that ``scope`` names, with their names.

    Raises:
        UserError: ``scope`` names no modules, or a pattern matches none.
    """
    check_scope(scope)
    scope = [scope] if isinstance(scope, str) else scope
    known = {
        module: paths
        for module, paths in names(model).items()
        if is_conv(module) and isinstance(module.kernel_size, tuple)
    }
    for pattern in scope:
        if not any(matches(paths, [pattern]) for paths in known.values()):
            raise UserError(
                f'`scope` has {pattern!r}, which matches no convolution of '
                f'this {type(model).__name__}: it must name some of its '
                f'modules, {[name for name, _ in model.named_children()]}')
    return {
        conv: paths[0]
        for conv, paths in known.items() if matches(paths, scope)
    }


def _inside(block: BranchedConv2d, site: Site,
            max_depth: int) -> Iterator[Tuple[Site, nn.Parameter]]:
    """The sites in a block, whose own site this is."""
    if is_plain(block):
        yield site, block.weight
        return
    if len(site.inside) + 1 >= max_depth:
        return
    kernels = dict(kxk=block.weight)
    if '1x1_kxk' in block.branches:
        kernels['second'] = block.branches['1x1_kxk'].second
    for place, kernel in kernels.items():
        inner = Site(site.layer, (*site.inside, place))
        if isinstance(kernel, nn.Parameter):
            yield inner, kernel
    for place, inner in block.inner_blocks().items():
        if isinstance(inner, BranchedConv2d):
            yield from _inside(inner, Site(site.layer, (*site.inside, place)),
                               max_depth)


def is_plain(block: BranchedConv2d) -> bool:
    """Whether a block is its kernel and nothing else."""
    return not block.options()['norms'] and not block.branches and (block.kxk
                                                                    is None)


def block_at(model: nn.Module, site: Site) -> BranchedConv2d:
    """The block that is there."""
    block = model.get_submodule(site.layer)
    for place in site.inside:
        block = block.inner_blocks()[place]
    return block


def geometry_at(model: nn.Module, site: Site) -> Geometry:
    """How the kernel at a site looks at its input."""
    geometry = Geometry.of(model.get_submodule(site.layer))
    for depth, place in enumerate(site.inside, 1):
        if place == 'second':
            outer = block_at(model, Site(site.layer, site.inside[:depth - 1]))
            first = outer.branches['1x1_kxk'].first
            geometry = geometry._replace(in_channels=len(first))
    return geometry


def open_block(model: nn.Module, site: Site) -> BranchedConv2d:
    """The block without branches at a site, made if it is not there yet."""
    block = model.get_submodule(site.layer)
    if not isinstance(block, BranchedConv2d):
        conv, block = block, block_for(model, block)
        replace(model, {conv: block})
    for place in site.inside:
        inner = block.inner_blocks().get(place)
        block = inner or block.nest(place)
    return block
