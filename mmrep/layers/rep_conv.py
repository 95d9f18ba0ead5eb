"""The protocol of all re-parameterizable convolutions."""
from typing import Dict, List, Optional

import torch
from torch import Tensor, nn
from torch.fx import Proxy

from ..compat.tracing import as_leaf, constant_in_onnx, is_transformed
from ..kernel import Kernel
from .frozen_norms import norms_in, takes_batches
from .geometry import GEOMETRY, Geometry, check_geometry, checked
from .kept import Kept
from .loading import adapt
from .plain import memory_format, why_not_plain


class RepConv2d(nn.Module):
    """A convolution that trains rich and deploys as one ``nn.Conv2d``.

    It takes ``nn.Conv2d``'s arguments and has its attributes, but is no
    subclass: hosts and ``init_cfg`` treat what subclasses ``nn.Conv2d`` as a
    plain weight. ``weight`` is the origin kernel, as in the plain convolution
    the layer stands for; so the layer loads that one's checkpoint and then
    computes the same function.

    A kind of block implements :meth:`merge`, :meth:`silence`,
    :meth:`reset_parameters`, :meth:`forward_branches`, and to carry its
    structure along :meth:`options`, :meth:`set_options` and
    :meth:`read_options`.

    Shape:
        - Input: (N, in_channels, H, W).
        - Output: (N, out_channels, H', W'), as ``nn.Conv2d`` gives.

    Raises:
        ValueError: An argument is one that ``nn.Conv2d`` cannot have either.
    """

    transposed = False
    output_padding = (0, 0)
    norm_eval = False  # whether norms inside never train

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 kernel_size,
                 stride=1,
                 padding=0,
                 dilation=1,
                 groups: int = 1,
                 bias: bool = True,
                 padding_mode: str = 'zeros',
                 device=None,
                 dtype=None) -> None:
        super().__init__()
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

    # what a kind of block implements

    def merge(self) -> Kernel:
        """The layer as one kernel, norms in eval, ``self.bias`` apart."""
        raise self._lacks('merge')

    def silence(self) -> None:
        """Set the branches such that :meth:`merge` is ``self.weight``."""
        raise self._lacks('silence')

    def reset_parameters(self) -> None:
        """Initialise all parameters as the block's paper does."""
        raise self._lacks('reset_parameters')

    def forward_branches(self, input: Tensor) -> Tensor:
        """The same function as a sum of features, branch by branch."""
        raise self._lacks('forward_branches')

    def options(self) -> dict:
        """The block's own arguments, as they would make it now; plain data."""
        raise self._lacks('options')

    def set_options(self, **options) -> None:
        """Change the block's own arguments; what is there already stays."""
        raise self._lacks('set_options')

    def read_options(self, weights: Dict[str, Tensor]) -> dict:
        """The arguments of the block whose weights these are, by name.

        Raises:
            Foreign: They are no such block's.
        """
        raise self._lacks('read_options')

    def _lacks(self, name: str) -> NotImplementedError:
        return NotImplementedError(
            f'{type(self).__name__} must implement `{name}`, as every kind of '
            'RepConv2d does')

    def take_bias(self, state_dict: dict, key: str) -> None:
        """Take a plain bias out of ``state_dict`` where there is a place."""

    # the protocol

    def config(self) -> dict:
        """What builds the layer, apart from its geometry; plain data."""
        return dict(type=type_name(self), **self.options())

    @property
    def origin(self) -> Tensor:
        """The weight of the plain convolution the layer stands for."""
        return self.weight

    @property
    def last_norm(self) -> Optional[nn.Module]:
        """The norm at the end of the layer, None where it ends in none."""
        return None

    @property
    def trains(self) -> bool:
        """Whether a parameter inside wants gradients."""
        return any(p.requires_grad for p in self.parameters())

    @property
    def geometry(self) -> Geometry:
        """How the layer looks at its input, apart from its kernel."""
        return Geometry.of(self)

    def kernel(self) -> Kernel:
        """The layer in eval mode as one kernel, differentiable."""
        device = self.origin.device.type
        with torch.autocast(
                'cpu' if device == 'meta' else device, enabled=False):
            weight, bias = self.merge()
            if self.bias is not None:
                bias = self.bias if bias is None else bias + self.bias
        return Kernel(weight, bias)

    def fuse(self) -> nn.Conv2d:
        """The plain convolution that computes what this layer does in eval."""
        with torch.no_grad():
            weight, bias = self.kernel()
        conv = nn.Conv2d(
            **{name: getattr(self, name)
               for name in GEOMETRY},
            bias=bias is not None,
            device='meta')
        trains = self.trains
        weight = weight.clone(memory_format=memory_format(self.origin))
        conv.weight = nn.Parameter(weight, trains)
        if bias is not None:
            conv.bias = nn.Parameter(bias.clone(), trains)
        return conv.train(self.training)

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
        layer = cls(
            **{name: getattr(conv, name)
               for name in GEOMETRY},
            bias=conv.bias is not None,
            device=conv.weight.device,
            dtype=conv.weight.dtype,
            **options)
        if not conv.weight.requires_grad:
            layer.requires_grad_(False)
        if memory_format(conv.weight) == torch.channels_last:
            layer.to(memory_format=torch.channels_last)
        layer.set_origin(conv.weight)
        layer.bias = conv.bias
        layer.silence()
        return layer.train(conv.training)

    def absorb_bias(self) -> None:
        """Move the bias into a norm inside, if there is one at the end."""
        plain = dict(bias=self.bias)
        if self.bias is not None:
            self.take_bias(plain, 'bias')
        if not plain:
            self.bias = None

    def forward(self, input: Tensor) -> Tensor:
        """One convolution, unless a norm inside takes batch statistics."""
        keeps = self._may_keep()
        kept = self._kept.get(self) if keeps else None
        if kept is not None:
            return kept(input)
        if isinstance(input, Proxy):
            return as_leaf(self, input)
        if any(map(takes_batches, self.norms_inside())):
            return self.forward_branches(input)
        if keeps:
            conv = self._kept.make(self, self.kernel, self.geometry.bound)
            return conv(input)
        with constant_in_onnx():
            kernel = self.kernel()
        return self.geometry.conv(input, kernel)

    def forward_apart(self, input: Tensor) -> Tensor:
        """:meth:`forward_branches`, of which no symbolic trace sees more."""
        if isinstance(input, Proxy):
            return as_leaf(self, input)
        return self.forward_branches(input)

    def _may_keep(self) -> bool:
        """Whether the kernel is asked for and nothing but a number."""
        return self._kept.users > 0 and not (torch.is_grad_enabled()
                                             or is_transformed(self))

    def init_weights(self) -> None:
        """Initialise as the paper does, whatever the host's init_cfg says.

        But for the bias: in a head it may hold a prior.
        """
        bias = None if self.bias is None else self.bias.detach().clone()
        self.reset_parameters()
        if bias is not None:
            self.bias.data.copy_(bias)

    def extra_repr(self) -> str:
        return ', '.join(f'{name}={getattr(self, name)}' for name in GEOMETRY)

    # for the blocks

    def set_origin(self, weight: nn.Parameter) -> None:
        self.weight = weight

    def norms_inside(self) -> List[nn.Module]:
        """The norms inside the block, SyncBN of any make too."""
        return norms_in(self)

    def reset_bias(self) -> None:
        """Initialise the bias as ``nn.Conv2d`` does."""
        if self.bias is not None:
            bound = self.origin[0].numel()**-0.5
            nn.init.uniform_(self.bias, -bound, bound)

    def add_bias(self, out: Tensor) -> Tensor:
        if self.bias is None:
            return out
        return out + self.bias[:, None, None].to(out.dtype)

    def keep_norms_in_eval(self, norm_eval: bool = True) -> None:
        """Let norms inside be in eval mode whatever the layer's mode is.

        Args:
            norm_eval: False lets them follow the layer. Defaults to True.
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

    def _apply(self, *args, **kwargs) -> 'RepConv2d':
        self._kept.clear()
        return super()._apply(*args, **kwargs)

    def __setattr__(self, name: str, value) -> None:
        if name in GEOMETRY:  # which hosts may set later
            value = checked(self, name, value)
        super().__setattr__(name, value)

    @staticmethod
    def on_unpickling() -> None:
        """What the package does when a layer comes out of a pickle."""

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(state)
        self.on_unpickling()

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        adapt(self, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)


def type_name(layer: nn.Module) -> str:
    """Of its class, not of those that torch derives for a while.

    So do parametrizations and sharding.
    """
    return next(
        kind.__name__ for kind in type(layer).__mro__
        if not kind.__module__.startswith('torch.'))
