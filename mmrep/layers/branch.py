"""A branch of a block, and the registry of all kinds of branches."""
import inspect
import json
import math
import re
from collections.abc import Mapping
from typing import Any, Callable, Dict, Iterable, List, Optional, Type, Union

import torch
from mmengine.registry import Registry
from torch import Tensor, nn
from torch.nn import init

from .. import kernel as K
from ..compat.batch_norms import run_norm
from ..compat.modules import buffers_of, children_of
from ..compat.reacting import Reacting
from ..errors import UserError, lacks, shown
from ..kernel import Kernel
from .frozen_norms import norms_in, reset_norm
from .geometry import Geometry

NormFactory = Callable[[int], nn.Module]
LAST = 100  # the order of branches that set none
TOLD = 'told_options'  # the buffer by which a state dict tells them
MAX_TOLD = 4096  # bytes


class BranchRegistry(Registry):
    """Registry of classes of branches, and of nothing else."""

    def register_module(self,
                        name: Union[str, List[str], None] = None,
                        force: bool = False,
                        module: Optional[type] = None) -> Any:
        """Register a class of branches under a name, as a decorator or not.

        Args:
            name: The branch's name, or several. Defaults to the class's.
            force: True to replace a branch of this name. Defaults to False.
            module: The class. Defaults to the one that is decorated.

        Raises:
            UserError: It is no such class, or its ``pattern`` no regular
                expression.
        """
        if module is not None:
            return super().register_module(name, force, _checked(module))
        register = super().register_module(name, force)
        return lambda kind: register(_checked(kind))


BRANCHES = BranchRegistry('branch', locations=['mmrep.layers'])


class Branch(Reacting):
    """One summand of a block's features, ``x -> norm(conv(x))``.

    ``@BRANCHES.register_module('minus')`` makes a subclass a branch of that
    name. It implements :meth:`forward` and :meth:`kernel`, with parameters
    :meth:`build` and :meth:`weights`, too; the other methods and the
    attributes have defaults. A branch has no geometry of its own: the block
    hands it the block's, so that all branches see the same pixels.

    Attributes:
        pattern: Regular expression of names; None if the registered name is
            the only one.
        order: Position among the branches of a block. Defaults to the end.
        needs_norm: True if the branch cannot do without a norm.
        cancelled_by: Name of the branch that silences this one where it has
            neither weights nor a norm.
        places: Names of the options that put a block in place of a kernel;
            a kind with places implements :meth:`nest` and :meth:`unnest`.

    Args:
        name: The branch's name in its block.
        geometry: The block's geometry.
        norm: Function from a number of channels to a norm, None for a branch
            without norms.
        options: The branch's own options, see :meth:`build`.
        factory: ``device`` and ``dtype`` of new tensors.

    Examples:
        >>> import mmrep
        >>> from mmrep import kernel as K
        >>> from mmrep.layers import BRANCHES, Branch, like
        >>> @BRANCHES.register_module('negative')
        ... class Negative(Branch):  # -norm(x)
        ...
        ...     needs_norm = True
        ...
        ...     def forward(self, x, geometry):
        ...         return -self.norm(geometry.centre(x))
        ...
        ...     def kernel(self, geometry):
        ...         eye = K.identity(geometry.in_channels, geometry.groups,
        ...                          **like(self.norm.weight))
        ...         return K.scale(self.folded(eye, geometry), -1)
        >>> layer = mmrep.BranchedConv2d(
        ...     8, 8, 3, padding=1, branches=('1x1', 'negative'))
        >>> list(layer.branches)
        ['1x1', 'negative']
    """

    pattern: Optional[str] = None
    order: int = LAST
    needs_norm: bool = False
    cancelled_by: Optional[str] = None
    places: tuple = ()

    def __init__(self, name: str, geometry: Geometry,
                 norm: Optional[NormFactory], options: dict,
                 factory: dict) -> None:
        super().__init__()
        self.name = name
        self.norm = norm and norm(geometry.out_channels)
        self.build(geometry, norm, factory, **options)
        self._check_weights()
        if options and type(self).read.__func__ is Branch.read.__func__:
            self._told = as_tensor(name, options)
            self.register_buffer(TOLD, self._told)

    def after_moving(self) -> None:
        told = buffers_of(self).get(TOLD)
        if told is not None and not told.is_meta:
            # `to_empty` gives memory without values
            self.told_options = self._told.to(told.device)

    def _check_weights(self) -> None:
        """Refuse parameters that nothing would initialise."""
        if type(self).reset_parameters is not Branch.reset_parameters:
            return
        known = {*self.weights()}.union(*(m.parameters()
                                          for m in norms_in(self)))
        for name, parameter in self.named_parameters():
            if parameter not in known:
                raise UserError(
                    f'{type(self).__name__} has a parameter {name!r} that its '
                    '`weights()` does not give: give it, or implement '
                    '`reset_parameters`')

    # A kind of branch implements these.

    def build(self, geometry: Geometry, norm: Optional[NormFactory],
              factory: dict) -> None:
        """Create the parameters; further arguments are its own options."""

    def weights(self) -> Iterable[Tensor]:
        """Return the weights of the branch's convolutions."""
        return ()

    def forward(self, x: Tensor, geometry: Geometry) -> Tensor:
        """Return the features of an input (N, in_channels, H, W)."""
        raise lacks(self, Branch, 'forward')

    def bound_to(self, geometry: Geometry) -> Callable[[Tensor], Tensor]:
        """Return :meth:`forward` with this geometry, for many inputs.

        A block keeps the function as long as no module inside is replaced.
        """
        return lambda x: self(x, geometry)

    def kernel(self, geometry: Geometry) -> Kernel:
        """Return the branch as one kernel of the block's size, norms in eval.

        Its last step is :meth:`folded`.
        """
        raise lacks(self, Branch, 'kernel')

    # The defaults of these serve most kinds.

    @classmethod
    def fits(cls, name: str, geometry: Geometry, normed: bool) -> bool:
        """Return False if the branch makes no sense for this convolution."""
        return True

    @classmethod
    def check_options(cls, name: str, options: Any) -> None:
        """Refuse options that :meth:`build` does not take.

        Raises:
            UserError: The options are no dict, or one is unknown.
        """
        known = cls.option_names()
        if not isinstance(options, Mapping) or any(k not in known
                                                   for k in options):
            raise UserError(f'branch {name!r} has options {shown(options)}, '
                            f'it may have {sorted(known) or "none"}')

    @classmethod
    def option_names(cls) -> List[str]:
        """Return the names of the own options, arguments of :meth:`build`."""
        return list(inspect.signature(cls.build).parameters)[4:]

    @classmethod
    def read(cls, weights: Dict[str, Tensor], block: nn.Module,
             there: Optional['Branch']) -> dict:
        """Return the options of the branch that saved these weights.

        Args:
            weights: Tensors by their names in the branch.
            block: The block around the branch, which is to load them.
            there: The branch of the same name that the block has now.

        Raises:
            Foreign: No such branch has saved the weights.
        """
        return as_options(cls, weights[TOLD]) if TOLD in weights else {}

    def options(self) -> dict:
        """Return the own options as plain data: attributes of these names."""
        return {name: getattr(self, name) for name in self.option_names()}

    def inner_blocks(self) -> Dict[str, nn.Module]:
        """Return the blocks in place of kernels, by their places."""
        return {}

    def hand_geometry(self, seen: dict) -> None:
        """Give the block's geometry to the blocks inside of the branch.

        Args:
            seen: Stride, padding, dilation and padding_mode, by name.
        """

    def nest(self, place: str, geometry: Geometry, config: dict) -> None:
        """Put a block in place of a kernel, which stays the same Parameter."""
        raise lacks(self, Branch, 'nest')

    def unnest(self, place: str) -> None:
        """Put the kernel back where a block without branches stands."""
        raise lacks(self, Branch, 'unnest')

    def last_weight(self) -> Optional[Tensor]:
        """Return the weight whose zero makes the kernel zero, if any does."""
        return next(iter(self.weights()), None)

    def reset_parameters(self) -> None:
        """Initialise weights as ``nn.Conv2d`` does, and the norms."""
        for weight in self.weights():
            init.kaiming_uniform_(weight, a=math.sqrt(5))
        self.reset_norms()

    def reset_norms(self) -> None:
        for norm in norms_in(self):
            reset_norm(norm)

    @torch.no_grad()
    def silence(self) -> None:
        """Zero the last factor that learns: the kernel is 0 and can regrow."""
        self.reset_norms()
        last = self.last_weight()
        if self.norm is not None and (self.norm.weight.requires_grad
                                      or last is None):
            init.zeros_(self.norm.weight)
        elif last is not None:
            init.zeros_(last)

    # Implementations of :meth:`forward` and :meth:`kernel` end in these.

    def normed(self, out: Tensor) -> Tensor:
        """Return ``norm(out)``, or ``out`` if there is no norm."""
        norm = children_of(self).get('norm')
        return out if norm is None else run_norm(norm, out)

    def folded(self, kernel: Kernel, geometry: Geometry) -> Kernel:
        """Fold the norm into a kernel and pad it to the block's size."""
        if self.norm is not None:
            kernel = K.fold_norm(kernel, self.norm)
        return K.pad(kernel, geometry.kernel_size)


def _checked(kind: Any) -> Type[Branch]:
    """Return a class, if it can be a kind of branch.

    Raises:
        UserError: It cannot.
    """
    if not isinstance(kind, type) or not issubclass(kind, Branch):
        raise UserError(f'{shown(kind)} cannot be registered as a branch: '
                        'derive a class from mmrep.layers.Branch')
    try:
        re.compile(kind.pattern or '')
    except (re.error, TypeError) as error:
        raise UserError(
            f'`pattern` (={shown(kind.pattern)}) of {kind.__name__} must be a '
            f'regular expression: {error}') from error
    return kind


def as_tensor(name: str, options: dict) -> Tensor:
    """Return options as bytes, which a state dict can hold.

    Args:
        name: The branch's name, for the message.
        options: The branch's options.

    Raises:
        UserError: The options are no plain data.
    """
    try:
        text = json.dumps(options, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise UserError(
            f'branch {name!r} has options {shown(options)}, which must be '
            'plain data, such as numbers and texts') from error
    return torch.tensor(list(text.encode()), dtype=torch.uint8, device='cpu')


def as_options(kind: Type[Branch], told: Tensor) -> dict:
    """Return the options that :func:`as_tensor` wrote.

    Args:
        kind: The kind of branch that has them.
        told: The bytes, perhaps from a damaged file.

    Raises:
        UserError: These are no options of this kind.
    """
    small = told.dtype == torch.uint8 and told.numel() <= MAX_TOLD
    try:
        options = json.loads(bytes(told.tolist()) if small else '')
    except ValueError as error:
        raise UserError(f'the weights tell no options of a {kind.__name__}: '
                        f'{error}') from error
    kind.check_options(kind.__name__, options)
    return options


def kind_of(name: str) -> Optional[Type[Branch]]:
    """Return the kind of branch a name stands for, None if it is unknown."""
    known = BRANCHES.module_dict
    if name in known and known[name].pattern is None:
        return known[name]
    fitting = (
        kind for kind in known.values()
        if kind.pattern and re.fullmatch(kind.pattern, name, re.ASCII))
    return next(fitting, None)


def numbers_in(name: str) -> tuple:
    """Return the whole numbers in a name: (5, 5, 2) of ``5x5_d2``."""
    return tuple(map(int, re.findall(r'\d+', name)))
