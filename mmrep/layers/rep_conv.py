"""The protocol of all re-parameterizable convolutions."""
import inspect
from functools import partial
from typing import Any, Dict, Iterable, List, Optional, Set, Tuple, Union

import torch
from torch import Tensor, nn
from torch.fx import Proxy

from .. import kernel as K
from ..compat.autocasting import without_autocast
from ..compat.modules import parameter
from ..compat.reacting import Reacting
from ..compat.tracing import as_leaf, constant_in_onnx, is_transformed
from ..errors import UserError, lacks, shown
from ..kernel import Kernel
from .frozen_norms import takes_batches
from .geometry import GEOMETRY, Geometry, check_geometry, checked, geometry_of
from .kept import Kept
from .loading import Foreign, adapt
from .lookup import registered_name
from .plain import arguments_of, conv_of, memory_format, why_not_plain

Size = Union[int, Tuple[int, int]]
Device = Union[torch.device, str, None]
LOUD = 0.01  # times the largest weight: more than rounding, also in bfloat16


class RepConv2d(Reacting):
    """A convolution that trains rich and deploys as one ``nn.Conv2d``.

    It takes ``nn.Conv2d``'s arguments and has its attributes, but is no
    subclass: hosts and ``init_cfg`` treat a subclass of ``nn.Conv2d`` as a
    plain weight. ``weight`` is the origin kernel, as in the plain convolution
    the layer stands for; so the layer loads that one's checkpoint and then
    computes the same function.

    A kind of block implements :meth:`branch_kernels` if all its branches are
    linear, else :meth:`merge` and :meth:`forward_branches`; and in any case
    :meth:`silence` and :meth:`reset_parameters`. It keeps its own arguments
    as attributes of the same names, or implements :meth:`options`,
    :meth:`set_options` and :meth:`read`.

    Shape:
        - Input: (N, in_channels, H, W).
        - Output: (N, out_channels, H', W'), as ``nn.Conv2d`` gives.

    Raises:
        ValueError: An argument is one that ``nn.Conv2d`` cannot have either.

    Examples:
        >>> from torch import nn
        >>> import mmrep
        >>> layer = mmrep.DBBConv2d.from_conv(nn.Conv2d(3, 8, 3, stride=2))
        >>> isinstance(layer, mmrep.RepConv2d), isinstance(layer, nn.Conv2d)
        (True, False)
        >>> weight, bias = layer.kernel()  # differentiable
        >>> tuple(weight.shape), type(layer.fuse()) is nn.Conv2d
        ((8, 3, 3, 3), True)
    """

    transposed = False
    output_padding = (0, 0)
    takes_norm_cfg = False  # True if `norm_cfg` is one of its arguments
    norm_eval = False  # True if norms inside never train

    def __init_subclass__(cls, **kwargs) -> None:
        super().__init_subclass__(**kwargs)
        cls.takes_norm_cfg = 'norm_cfg' in cls.own_arguments()

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 kernel_size: Size,
                 stride: Size = 1,
                 padding: Union[Size, str] = 0,
                 dilation: Size = 1,
                 groups: int = 1,
                 bias: bool = True,
                 padding_mode: str = 'zeros',
                 device: Device = None,
                 dtype: Optional[torch.dtype] = None) -> None:
        super().__init__()
        self._check_kind()
        check_geometry(
            in_channels=in_channels,
            out_channels=out_channels,
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias)
        plain = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            padding_mode=padding_mode,
            device='meta')
        for name in GEOMETRY:
            setattr(self, name, getattr(plain, name))
        self.weight = nn.Parameter(
            torch.empty(plain.weight.shape, device=device, dtype=dtype))
        self.register_parameter(
            'bias',
            nn.Parameter(
                torch.empty(out_channels, device=device, dtype=dtype))
            if bias else None)
        self._kept = Kept()

    def _check_kind(self) -> None:
        """Refuse to make a block whose kind lacks what each one needs.

        Raises:
            NotImplementedError: A method is missing.
        """
        kind = type(self)
        for name in ('silence', 'reset_parameters'):
            if getattr(kind, name) is getattr(RepConv2d, name):
                raise lacks(self, RepConv2d, name)

    # A kind of block implements these.

    def branch_kernels(self) -> Iterable[Kernel]:
        """Yield kernels of the block's size that add up to the block.

        The sum is without ``self.bias``. A block with norms implements
        :meth:`merge` instead.
        """
        raise lacks(self, RepConv2d, 'branch_kernels', 'merge',
                    'forward_branches')

    def silence(self) -> None:
        """Set the branches such that :meth:`merge` gives ``self.weight``.

        Zero one factor of each branch only, or nothing learns.
        """
        raise lacks(self, RepConv2d, 'silence')

    def reset_parameters(self) -> None:
        """Initialise all parameters as the block's paper does."""
        raise lacks(self, RepConv2d, 'reset_parameters')

    # The defaults of these serve blocks without norms and nested blocks.

    def merge(self) -> Kernel:
        """Return the layer in eval mode as one kernel, without the bias."""
        return K.add(*self.branch_kernels())

    def forward_branches(self, input: Tensor) -> Tensor:
        """Compute the same as a sum of features, branch by branch."""
        features = map(
            partial(self.geometry.conv, input), self.branch_kernels())
        return self.add_bias(sum(features))

    @classmethod
    def own_arguments(cls) -> Set[str]:
        """Return the names of the arguments beside those of nn.Conv2d."""
        found = set()
        for kind in cls.__mro__[:cls.__mro__.index(RepConv2d)]:
            if '__init__' in vars(kind):
                found.update(
                    name
                    for name, p in inspect.signature(kind).parameters.items()
                    if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
        return found - CONV

    def options(self) -> dict:
        """Return the own arguments that make such a layer, as plain data."""
        names = sorted(self.own_arguments())
        for name in names:
            if not hasattr(self, name):
                raise UserError(
                    f'{type(self).__name__} must keep its argument {name!r} '
                    'as an attribute of this name, or implement `options`, '
                    '`set_options` and `read`')
        return {name: getattr(self, name) for name in names}

    def set_options(self, **options) -> None:
        """Change the own arguments; keep the parameters that can stay.

        Raises:
            UserError: This kind of block cannot change one of them.
        """
        for name, value in options.items():
            if value != self.options().get(name, Kernel):
                raise UserError(
                    f'`{name}` (={shown(value)}) of a {type(self).__name__} '
                    'cannot be changed: make another layer')

    @classmethod
    def read(cls,
             weights: Dict[str, Tensor],
             block: Optional['RepConv2d'] = None) -> dict:
        """Return the own arguments of the block that saved these weights.

        Args:
            weights: Tensors by their names in the block.
            block: The block of this kind that is to load them. Defaults to
                None: any block may have saved them, as those of an inner
                block.

        Raises:
            Foreign: No such block has saved the weights.
        """
        if block is None:
            raise Foreign
        return block.options()

    def inner_blocks(self) -> Dict[str, 'RepConv2d']:
        """Return the blocks in place of kernels, by their places."""
        return {}

    def take_bias(self, state_dict: dict, key: str) -> None:
        """Move a bias from ``state_dict`` into the last norm, if any."""

    # The rest is the same for all kinds.

    def config(self) -> dict:
        """Return the config that builds the layer, without its geometry."""
        return dict(type=registered_name(self), **self.options())

    def read_options(self, weights: Dict[str, Tensor]) -> dict:
        """Return the own arguments that these weights of a block need.

        Raises:
            Foreign: No such block has saved the weights.
        """
        return self.read(weights, self)

    @property
    def origin(self) -> Tensor:
        """The weight of the plain convolution the layer stands for."""
        return self.weight

    @property
    def last_norm(self) -> Optional[nn.Module]:
        """The norm at the end of the layer, None if it does not end in one."""
        return None

    @property
    def trains(self) -> bool:
        """True if a parameter inside wants gradients."""
        return any(p.requires_grad for p in self.parameters())

    @property
    def geometry(self) -> Geometry:
        """The layer's arguments as a convolution, without its kernel."""
        # `checked` has given the values their form
        return geometry_of(self.in_channels, self.out_channels,
                           self.kernel_size, self.stride, self.padding,
                           self.dilation, self.groups, self.padding_mode)

    def kernel(self) -> Kernel:
        """Return the layer in eval mode as one differentiable kernel."""
        given = self._kept.given
        if given is not None:
            return given
        with without_autocast(self.origin.device.type):
            weight, bias = self.merge()
            if self.bias is not None:
                bias = self.bias if bias is None else bias + self.bias
        return Kernel(weight, bias)

    def fuse(self) -> nn.Conv2d:
        """Return a plain convolution that computes the same in eval mode."""
        with torch.no_grad():
            kernel = self.kernel()
            self._check_shape(kernel.weight)
            return conv_of(self, kernel)

    @classmethod
    def from_conv(cls, conv: nn.Conv2d, **options) -> 'RepConv2d':
        """Make a layer that computes what ``conv`` does in eval mode.

        The layer takes over ``conv``'s own Parameter objects, device, dtype,
        ``requires_grad`` and mode; ``conv`` itself stays as it is.

        Args:
            conv: The plain convolution.
            options: The block's own arguments, besides those of nn.Conv2d.

        Raises:
            TypeError: ``conv`` is no plain convolution.
        """
        reason = why_not_plain(conv)
        if reason:
            raise TypeError(f'{cls.__name__} can stand for a plain nn.Conv2d '
                            f'only, this {reason}')
        layer = cls(**arguments_of(conv), **options)
        if not conv.weight.requires_grad:
            layer.requires_grad_(False)
        if memory_format(conv.weight) == torch.channels_last:
            layer.to(memory_format=torch.channels_last)
        layer.set_origin(conv.weight)
        layer.bias = conv.bias
        layer.silence()
        layer.check_silent()
        return layer.train(conv.training)

    @torch.no_grad()
    def check_silent(self) -> None:
        """Refuse branches that add something to the origin kernel.

        Raises:
            UserError: :meth:`silence` of this kind of block leaves them so.
        """
        origin = self.origin
        if origin.is_meta or not origin.isfinite().all():
            return
        weight, _ = self.kernel()
        self._check_shape(weight)
        size = origin.abs().max().clamp_min(torch.finfo(origin.dtype).tiny)
        if (weight - origin).abs().max() > LOUD * size:
            raise UserError(
                f'`silence` of {type(self).__name__} leaves branches that add '
                'something, so the layer would not compute what the '
                'convolution did: it must zero a factor of each branch')

    def _check_shape(self, weight: Tensor) -> None:
        if weight.shape != self.origin.shape:
            raise UserError(
                f'{type(self).__name__} merges to a kernel of shape '
                f'{tuple(weight.shape)}, which must be that of its weight '
                f'(={tuple(self.origin.shape)}): see mmrep.kernel.pad')

    def absorb_bias(self) -> None:
        """Move the bias into the last norm, if there is one."""
        plain = dict(bias=self.bias)
        if self.bias is not None:
            self.take_bias(plain, 'bias')
        if not plain:
            self.bias = None

    def forward(self, input: Tensor) -> Tensor:
        """Run one convolution, unless a norm inside takes batch statistics."""
        keeps = self._may_keep()
        kept = self._kept.get(self) if keeps else None
        if kept is not None:
            return kept(input)
        if isinstance(input, Proxy):
            return as_leaf(self, input)
        given = self._kept.take()
        if given is not None:
            return self.geometry.conv(input, given)
        if any(map(takes_batches, self.norms_inside())):
            return self.forward_branches(input)
        if keeps:
            conv = self._kept.make(self, self.kernel, self.geometry.bound)
            return conv(input)
        with constant_in_onnx():
            kernel = self.kernel()
        return self.geometry.conv(input, kernel)

    def forward_apart(self, input: Tensor) -> Tensor:
        """Run :meth:`forward_branches`; a symbolic trace shows one call."""
        if isinstance(input, Proxy):
            return as_leaf(self, input)
        return self.forward_branches(input)

    def _may_keep(self) -> bool:
        """Return True if somebody asks for the kernel, as values only.

        Neither gradients nor a trace then need its operations.
        """
        return self._kept.users > 0 and not (torch.is_grad_enabled()
                                             or is_transformed(self))

    def init_weights(self) -> None:
        """Initialise as the paper does, whatever the host's init_cfg says.

        The bias stays: in a head it may hold a prior.
        """
        bias = None if self.bias is None else self.bias.detach().clone()
        self.reset_parameters()
        if bias is not None:
            self.bias.data.copy_(bias)

    def extra_repr(self) -> str:
        return ', '.join(f'{name}={getattr(self, name)}' for name in GEOMETRY)

    # Blocks use these.

    def set_origin(self, weight: nn.Parameter) -> None:
        self.weight = weight

    def norms_inside(self) -> List[nn.Module]:
        """Return the norms inside the block, any SyncBN included."""
        return self._kept.norms(self)

    def reset_bias(self) -> None:
        """Initialise the bias as ``nn.Conv2d`` does."""
        if self.bias is not None:
            bound = self.origin[0].numel()**-0.5
            nn.init.uniform_(self.bias, -bound, bound)

    def add_bias(self, out: Tensor) -> Tensor:
        bias = parameter(self, 'bias')
        if bias is None:
            return out
        return out + bias[:, None, None].to(out.dtype)

    def keep_norms_in_eval(self, norm_eval: bool = True) -> None:
        """Keep the norms inside in eval mode, whatever the layer's mode is.

        Args:
            norm_eval: True to keep them in eval mode, False to let them
                follow the layer. Defaults to True.
        """
        for module in self.modules():
            if isinstance(module, RepConv2d):
                module.norm_eval = norm_eval
        self.train(self.training)

    def train(self, mode: bool = True) -> 'RepConv2d':
        self._kept.clear()
        super().train(mode)
        for norm in self.norms_inside() if self.norm_eval else ():
            norm.eval()
        return self

    def keep_kernel(self, users: int) -> None:
        """Keep the kernel for so many users more, or fewer.

        Args:
            users: 1 for one who begins, -1 for one who ends.
        """
        self._kept.use(users)

    def makes_kernel(self) -> bool:
        """Return True if a forward pass now would need a new kernel."""
        return self._kept.given is None and (torch.is_grad_enabled()
                                             or self._kept.users == 0)

    def give_kernel(self, kernel: Optional[Kernel]) -> None:
        """Let :meth:`forward` and :meth:`kernel` take a kernel as it is.

        Args:
            kernel: The kernel, made with those of other blocks; None to let
                the block make its own again.
        """
        self._kept.given = kernel

    def before_moving(self) -> None:
        self._kept.clear()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in GEOMETRY:  # hosts may set these later
            value = checked(self, name, value)
        super().__setattr__(name, value)

    @staticmethod
    def on_unpickling() -> None:
        """Set up the package when a layer comes out of a pickle."""

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(state)
        self.on_unpickling()

    def before_loading(self, state_dict: dict, prefix: str) -> None:
        adapt(self, state_dict, prefix)


CONV = set(inspect.signature(RepConv2d).parameters)
