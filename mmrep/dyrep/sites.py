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
    """A kernel larger than 1x1 that may grow.

    Attributes:
        layer: The name of a convolution in the model.
        inside: The way from this convolution to the kernel of a block inside:
            ``kxk`` or ``second`` for each level.
    """

    layer: str
    inside: Tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the kernel's module in the model."""
        return '.'.join([self.layer, *map(INSIDE.get, self.inside)])

    @property
    def outer(self) -> 'Site':
        """The site of the block around this one."""
        return Site(self.layer, self.inside[:-1])


def find_sites(model: nn.Module, scope: Patterns,
               max_depth: int) -> Dict[Site, nn.Parameter]:
    """Return all sites that may grow, with their kernels.

    A site is a kernel larger than 1x1 that requires gradients, of a plain
    convolution or, while blocks are nested less than ``max_depth`` deep, of a
    block (DyRep, section 4.1: "recursively"). A kernel that several modules
    share is no site, since the other modules would not grow with it.

    Args:
        model: The model without wrappers.
        scope: Names of convolutions or of modules around them, with ``*``,
            ``?`` and ``[...]`` as in file names.
        max_depth: Number of levels to which blocks may be nested; 1 allows no
            block inside a block.

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
    """Refuse a scope that names no modules.

    Raises:
        UserError: ``scope`` is neither a name nor a list of names.
    """
    several = [scope] if isinstance(scope, str) else scope
    if not are_patterns(several) or not several:
        raise UserError(
            f'`scope` (={scope!r}) must be the name of a module of the model, '
            "such as 'backbone', or a list of names")


def convolutions_in(model: nn.Module, scope: Patterns) -> Dict[nn.Module, str]:
    """Return the convolutions of any kind in ``scope``, with their names.

    Args:
        model: The model that contains the convolutions.
        scope: Names of convolutions or of modules around them.

    Raises:
        UserError: ``scope`` names no modules, or a pattern of it matches no
            convolution.
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
    """Yield the sites in the block at a site, with their kernels."""
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
    """Return True if a block is its kernel and nothing else."""
    return not block.options()['norms'] and not block.branches and (block.kxk
                                                                    is None)


def block_at(model: nn.Module, site: Site) -> BranchedConv2d:
    """Return the block at a site.

    Args:
        model: The model that contains the block.
        site: The site of the block.
    """
    block = model.get_submodule(site.layer)
    for place in site.inside:
        block = block.inner_blocks()[place]
    return block


def geometry_at(model: nn.Module, site: Site) -> Geometry:
    """Return the geometry of the kernel at a site.

    Args:
        model: The model that contains the kernel.
        site: The site of the kernel.
    """
    geometry = Geometry.of(model.get_submodule(site.layer))
    for depth, place in enumerate(site.inside, 1):
        if place == 'second':
            outer = block_at(model, Site(site.layer, site.inside[:depth - 1]))
            first = outer.branches['1x1_kxk'].first
            geometry = geometry._replace(in_channels=len(first))
    return geometry


def open_block(model: nn.Module, site: Site) -> BranchedConv2d:
    """Return the block without branches at a site; make one if needed.

    Args:
        model: The model, which is changed in place.
        site: The site, with a plain convolution or a block without branches.
    """
    block = model.get_submodule(site.layer)
    if not isinstance(block, BranchedConv2d):
        conv, block = block, block_for(model, block)
        replace(model, {conv: block})
    for place in site.inside:
        inner = block.inner_blocks().get(place)
        block = inner or block.nest(place)
    return block
