"""Blocks whose branches can be read, described and changed."""
from functools import partial
from typing import Dict, Optional, Sequence, Union

from torch import Tensor, nn

from ..errors import UserError, shown
from .branch_names import NORMS, Branches, check_branches, fits, size_of
from .branches import Branch, Identity, Spatial
from .from_names import read_options
from .geometry import GEOMETRY, like
from .inner import build_block, with_norms
from .norm_cfg import actual_cfg
from .norms import batch_norm, plain_cfg
from .rep_conv import RepConv2d, type_name
from .staged import Average, PointwiseKxK

SEEN = ('stride', 'padding', 'dilation', 'padding_mode')
PLACES = ('kxk', 'norm', 'branches', 'sum_norm')
KINDS = {
    'identity': Identity,
    '1x1_kxk': PointwiseKxK,
    '1x1_average': Average,
}


class StructuredConv2d(RepConv2d):
    """The parts of a block: ``kxk``, ``norm``, ``branches``, ``sum_norm``.

    In place of the kxk kernel, which is ``weight``, may stand a block, which
    is ``kxk``. What the parts compute :class:`BranchedConv2d` says.
    """

    def options(self) -> dict:
        norms = dict(
            kxk=self.norm is not None,
            branches=any(b.norm is not None for b in self.branches.values()),
            sum=self.sum_norm is not None)
        return dict(
            branches={
                k: b.options()
                for k, b in self.branches.items()
            },
            norms=[name for name in NORMS if norms[name]],
            norm_cfg=self.norm_cfg,
            kxk=False if self.kxk is None else self.kxk.config())

    def set_options(self,
                    branches: Branches,
                    norms: Sequence[str],
                    norm_cfg: Optional[dict] = None,
                    kxk: Union[dict, bool] = False) -> None:
        """Have these branches; those that are there already stay.

        New norms take the mode of the norms around them, all that is new
        ``requires_grad`` of what is there.
        """
        self._hand_on_geometry()
        norms = (norms, ) if isinstance(norms, str) else norms
        options = check_branches(branches, norms)
        norm_cfg = plain_cfg(norm_cfg or self.norm_cfg)
        trains = self.trains
        had = {norm: norm.training for norm in self.norms_inside()}
        training = any(had.values()) if had else (self.training
                                                  and not self.norm_eval)
        kept, normed = dict(self.branches), 'branches' in norms
        # nothing is changed before all that may fail is made
        made = {
            name:
            self._branch(
                kept.get(name), name, options[name], normed and norm_cfg)
            for name in options
            if name in kept or fits(name, self.geometry, normed)
        }
        one = {
            place: there or self._new_norm(norm_cfg, self.out_channels)
            for place, name, there in (('norm', 'kxk', self.norm),
                                       ('sum_norm', 'sum', self.sum_norm))
            if name in norms
        }
        self._set_kxk(kxk, norm_cfg)
        self.built_norm_cfg = norm_cfg
        for place in ('norm', 'sum_norm'):
            self._put(place, one.get(place))
        self.branches.clear()
        for name, branch in made.items():
            self.branches[name] = branch.train(self.training)
        for module in self.norms_inside():
            module.train(had.get(module, training))
        if not trains:
            self.requires_grad_(False)

    def _hand_on_geometry(self) -> None:
        """Let blocks inside see what this one sees.

        Whatever was set meanwhile, on this one or on all modules there are.
        """
        for place, block in self.inner_blocks().items():
            seen = {name: getattr(self, name) for name in SEEN}
            if place == 'second':  # its image comes with the edges
                seen.update(padding=(0, 0), padding_mode='zeros')
            for name, value in seen.items():
                if getattr(block, name) != value:
                    setattr(block, name, value)

    def _branch(self, kept: Optional[Branch], name: str, options: dict,
                norm_cfg: Union[dict, bool]) -> Branch:
        """The branch that is there, if it is the same, or a new one."""
        if options.get('second'):
            second = with_norms(options['second'], norm_cfg)
            options = {**options, 'second': second}
        if kept is not None and (kept.norm is not None) == bool(norm_cfg) and (
                options.items() <= kept.options().items()):
            return kept
        kind = KINDS.get(name, Spatial)
        if kind is Spatial:
            size, spread = size_of(name, self.kernel_size)
            options = dict(size=size, spread=spread)
        norm = partial(self._new_norm, norm_cfg) if norm_cfg else None
        branch = kind(self.geometry, norm, options, like(self.origin))
        branch.reset_parameters()
        return branch

    @property
    def norm_cfg(self) -> dict:
        """The config of the norms inside, or of those that would be built."""
        own = [self.norm, *(b.norm for b in self.branches.values())]
        norms = (n for n in [*own, self.sum_norm] if n is not None)
        return actual_cfg(self.built_norm_cfg, next(norms, None))

    def _put(self, place: str, module: Optional[nn.Module]) -> None:
        """Have a module at one of the places, whose order never changes."""
        self._modules.pop(place, None)
        setattr(self, place, module)
        for name in PLACES:
            if name in self._modules:
                self._modules[name] = self._modules.pop(name)

    def _new_norm(self, norm_cfg: dict, channels: int) -> nn.Module:
        return batch_norm(norm_cfg, channels).to(self.origin)

    def _set_kxk(self, config: Union[dict, bool], norm_cfg: dict) -> None:
        """Put a block in place of the kxk kernel, or the kernel back."""
        weight = self.origin
        config = with_norms(config, norm_cfg) if config else {}
        if config and self.kxk is not None and (config.get('type')
                                                == self.kxk.config()['type']):
            config.pop('type')
            self.kxk.set_options(**config)
        elif config:
            shape = {name: getattr(self, name) for name in GEOMETRY}
            self._put('kxk',
                      build_block(config, **shape, bias=False, **like(weight)))
            if isinstance(self.kxk.origin, nn.Parameter):
                self.kxk.set_origin(weight)
            self.weight = None
        elif self.kxk is not None:
            self._put('kxk', None)
            self.weight = weight if isinstance(
                weight, nn.Parameter) else nn.Parameter(weight)

    def nest(self, place: str) -> RepConv2d:
        """Put a block without branches in place of a kernel.

        It computes the same; the kernel stays the very Parameter.

        Args:
            place: ``kxk``, or ``second`` for that of the branch ``1x1_kxk``.

        Raises:
            UserError: There is no such place.
        """
        self._check_place(place)
        config = dict(
            type=type_name(self),
            branches=(),
            norms=(),
            norm_cfg=self.norm_cfg)
        if place == 'kxk':
            self._set_kxk(config, self.norm_cfg)
        else:
            self.branches['1x1_kxk'].nest(self.geometry, config)
        inner = self.inner_blocks()[place].train(self.training)
        inner.norm_eval = self.norm_eval
        return inner

    def unnest(self, place: str) -> None:
        """Put the kernel back where a block without branches stands.

        Raises:
            UserError: There is none.
        """
        self._check_place(place)
        if place not in self.inner_blocks():
            raise UserError(f'`place` (={place!r}) must be where a block is')
        if place == 'kxk':
            self._set_kxk(False, self.norm_cfg)
        else:
            self.branches['1x1_kxk'].unnest()

    def _check_place(self, place: str) -> None:
        places = ['kxk'] + ['second'] * ('1x1_kxk' in self.branches)
        if place not in places:
            raise UserError(f'`place` (={shown(place)}) must be one of '
                            f'{", ".join(places)}')

    @property
    def origin(self) -> Tensor:
        return self.weight if self.kxk is None else self.kxk.origin

    def set_origin(self, weight: nn.Parameter) -> None:
        if self.kxk is None:
            self.weight = weight
        else:
            self.kxk.set_origin(weight)

    def read_options(self, weights: Dict[str, Tensor]) -> dict:
        return read_options(weights, self, self.inner_blocks())

    def inner_blocks(self) -> Dict[str, RepConv2d]:
        """The blocks that stand in place of kernels, by that place."""
        blocks = {'kxk': self.kxk}
        if '1x1_kxk' in self.branches and self.branches['1x1_kxk'].is_nested:
            blocks['second'] = self.branches['1x1_kxk'].second
        return {k: block for k, block in blocks.items() if block is not None}
