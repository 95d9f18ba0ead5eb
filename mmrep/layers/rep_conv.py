"""The protocol of all re-parameterizable convolutions."""
from typing import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..kernel import Kernel
from .cache import Cache
from .geometry import GEOMETRY, check_geometry


class RepConv2d(nn.Module):
    """A convolution that trains rich and deploys as one ``nn.Conv2d``.

    It takes ``nn.Conv2d``'s arguments and has its attributes, but is no
    subclass: hosts and ``init_cfg`` treat what subclasses ``nn.Conv2d`` as a
    plain weight. ``weight`` is the origin kernel, as in the plain convolution
    the layer stands for; so the layer loads that one's checkpoint and then
    computes the same function.

    A kind of block implements :meth:`_kernel`, :meth:`_silence`,
    :meth:`reset_parameters` and :meth:`forward_branches`; if it has norms
    inside, :meth:`_norms`, too.

    Shape:
        - Input: (N, in_channels, H, W).
        - Output: (N, out_channels, H', W'), as ``nn.Conv2d`` gives.

    Raises:
        ValueError: An argument is one that ``nn.Conv2d`` cannot have either.
    """

    transposed = False
    output_padding = (0, 0)

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
            groups=groups)
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
        for name in (*GEOMETRY, '_reversed_padding_repeated_twice'):
            setattr(self, name, getattr(plain, name))
        self.weight = nn.Parameter(
            torch.empty(plain.weight.shape, device=device, dtype=dtype))
        self.register_parameter(
            'bias',
            nn.Parameter(
                torch.empty(out_channels, device=device, dtype=dtype))
            if bias else None)
        self._cache = Cache()

    # what a kind of block implements

    def _kernel(self) -> Kernel:
        """The layer as one kernel, norms in eval, ``self.bias`` apart."""
        raise NotImplementedError

    def _silence(self) -> None:
        """Set the branches such that :meth:`_kernel` is ``self.weight``."""
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """Initialise all parameters as the block's paper does."""
        raise NotImplementedError

    def forward_branches(self, x: Tensor) -> Tensor:
        """The same function as a sum of features, branch by branch."""
        raise NotImplementedError

    def _take_bias(self, state_dict: dict, key: str) -> None:
        """Take a plain bias out of ``state_dict`` where there is a place."""

    # the protocol

    def kernel(self) -> Kernel:
        """The layer in eval mode as one kernel, differentiable."""
        with torch.autocast(self.weight.device.type, enabled=False):
            weight, bias = self._kernel()
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
        conv.weight = nn.Parameter(weight.clone(), self.weight.requires_grad)
        if bias is not None:
            conv.bias = nn.Parameter(bias.clone(), self.weight.requires_grad)
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
        if type(conv) is not nn.Conv2d:
            raise TypeError(f'{cls.__name__} can stand for an nn.Conv2d only, '
                            f'got {type(conv).__name__}')
        layer = cls(
            **{name: getattr(conv, name)
               for name in GEOMETRY},
            bias=conv.bias is not None,
            device=conv.weight.device,
            dtype=conv.weight.dtype,
            **options)
        layer.requires_grad_(conv.weight.requires_grad)
        layer.weight, layer.bias = conv.weight, conv.bias
        layer._silence()
        return layer.train(conv.training)

    def forward(self, x: Tensor) -> Tensor:
        """One convolution, unless a norm inside takes batch statistics."""
        if any(norm.training for norm in self._norms()):
            return self.forward_branches(x)
        return self._conv(x, self._current_kernel())

    def init_weights(self) -> None:
        """Initialise as the paper does, whatever the host's init_cfg says."""
        self.reset_parameters()

    def extra_repr(self) -> str:
        return ', '.join(f'{name}={getattr(self, name)}' for name in GEOMETRY)

    # for the blocks

    def _norms(self) -> Iterable[nn.Module]:
        """The norms inside the block."""
        return ()

    def _reset_bias(self) -> None:
        """Initialise the bias as ``nn.Conv2d`` does."""
        if self.bias is not None:
            bound = self.weight[0].numel()**-0.5
            nn.init.uniform_(self.bias, -bound, bound)

    def _add_bias(self, out: Tensor) -> Tensor:
        return out if self.bias is None else out + self.bias[:, None, None]

    def _conv(self, x: Tensor, kernel: Kernel) -> Tensor:
        if self.padding_mode == 'zeros':
            return F.conv2d(x, *kernel, self.stride, self.padding,
                            self.dilation, self.groups)
        x = F.pad(x, self._reversed_padding_repeated_twice, self.padding_mode)
        return F.conv2d(x, *kernel, self.stride, 0, self.dilation, self.groups)

    # the kernel is kept while nothing that it is made of changes

    def _current_kernel(self) -> Kernel:
        if self.training or self._wants_gradient() or _is_transformed(self):
            return self.kernel()
        tensors = (*self.parameters(), *self.buffers())
        return self._cache.get(tensors, self.kernel)

    def _wants_gradient(self) -> bool:
        return torch.is_grad_enabled() and any(
            parameter.requires_grad for parameter in self.parameters())

    def train(self, mode: bool = True) -> 'RepConv2d':
        # mmengine's EMAHook swaps weights behind autograd's counter, and
        # then changes the mode
        self._cache.clear()
        return super().train(mode)

    def _apply(self, *args, **kwargs) -> 'RepConv2d':
        self._cache.clear()
        return super()._apply(*args, **kwargs)

    # a plain convolution's checkpoint is one of this layer, too

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        own = [prefix + key for key in self.state_dict()]
        plain = (prefix + 'weight', prefix + 'bias')
        branches = [key for key in own if key not in plain]
        weight = state_dict.get(plain[0])
        if weight is not None and weight.shape == self.weight.shape and (
                not any(key in state_dict for key in branches)):
            self._silence()
            if self.bias is None and plain[1] in state_dict:
                self._take_bias(state_dict, plain[1])
            state_dict.update({
                prefix + key: value
                for key, value in self.state_dict().items()
                if prefix + key in branches
            })
        super()._load_from_state_dict(state_dict, prefix, *args)


def _is_transformed(layer: nn.Module) -> bool:
    """Whether a compiler, a tracer or DataParallel stands behind."""
    return (torch.compiler.is_compiling() or torch.jit.is_tracing()
            or getattr(layer, '_is_replica', False))
