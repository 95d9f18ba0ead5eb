"""Write the tensors of a layer, in all the ways that programs do.

A write takes a subject; its layer stays the same object with other values.
"""
import copy

import torch
from mmengine.model import ExponentialMovingAverage
from torch import Tensor, nn
from torch.utils.dlpack import from_dlpack, to_dlpack

from .cases import normal
from .subject import Subject


def targets(subject: Subject) -> dict:
    """Return what can be written, by name: parameters, buffers, constants."""
    values = {
        name: value
        for name, value in subject.layer.state_dict(keep_vars=True).items()
        if value.is_floating_point() and value.numel()
    }
    rng = subject.rng
    some = rng.sample(sorted(values), min(rng.choice([1, 1, 9]), len(values)))
    if rng.random() < .5:
        some = [max(values, key=lambda name: values[name].numel())]
    return {name: values[name] for name in some}


def region(subject: Subject, tensor: Tensor) -> tuple:
    """Draw a region: all, one tap, all but the first channel or one value."""
    rng = subject.rng
    choices = [(..., ), tuple(rng.randrange(n) for n in tensor.shape)]
    if tensor.dim() == 4:
        taps = tuple(rng.randrange(n) for n in tensor.shape[2:])
        choices += [(slice(None), slice(None), *taps)] * 2
        if tensor.size(1) > 1:
            choices += [(slice(None), slice(1, None))] * 2
    return rng.choice(choices)


def drawn(subject: Subject, name: str, shape: tuple) -> Tensor:
    """Draw new values; a variance is positive."""
    values = normal(shape, subject.rng.randrange(10**6), subject.x.dtype)
    return values.abs() + .5 if name.endswith('running_var') else values


def _each(write) -> callable:
    """Return a write of a drawn region of drawn tensors."""

    def writes(subject: Subject) -> None:
        for name, tensor in targets(subject).items():
            where = region(subject, tensor)
            write(tensor, where, drawn(subject, name, tensor[where].shape))

    return writes


def _elsewhere(subject: Subject) -> nn.Module:
    """Return a copy of the layer with some other values."""
    layer, subject.layer = subject.layer, copy.deepcopy(subject.layer)
    WRITES['no_grad'](subject)
    twin, subject.layer = subject.layer, layer
    return twin


def _data_mul(tensor: Tensor, where: tuple, values: Tensor) -> None:
    tensor.data[where].mul_(1.5)


def _no_grad(tensor: Tensor, where: tuple, values: Tensor) -> None:
    with torch.no_grad():
        tensor[where] = values


def _inference(tensor: Tensor, where: tuple, values: Tensor) -> None:
    with torch.inference_mode():
        tensor[where] = values


def _numpy(tensor: Tensor, where: tuple, values: Tensor) -> None:
    if tensor.is_cpu:  # other devices have no such view
        tensor.detach().numpy()[where] = values.numpy()


def _dlpack(tensor: Tensor, where: tuple, values: Tensor) -> None:
    from_dlpack(to_dlpack(tensor.detach()))[where] = values


def _new_data(tensor: Tensor, where: tuple, values: Tensor) -> None:
    data = tensor.data.clone()
    data[where] = values
    tensor.data = data


def _optimizer(cls: type, **options) -> callable:
    """Return a step in eval mode; most gradients may be zero."""

    def step(subject: Subject) -> None:
        parameters = list(subject.layer.parameters())
        for own, twin in zip(parameters, _elsewhere(subject).parameters()):
            own.grad = own.detach() - twin.detach()
        try:
            cls(parameters, lr=.3, **options).step()
        except (RuntimeError, TypeError):  # an older PyTorch lacks it
            cls(parameters, lr=.3).step()
        subject.layer.zero_grad()

    return step


def ema_swap(subject: Subject) -> None:
    """Swap averages in and back out, as mmengine's EMAHook does."""
    twin = _elsewhere(subject)
    pairs = zip(subject.layer.parameters(), twin.parameters(), strict=True)
    for own, average in pairs:
        before = own.data.clone()
        own.data.copy_(average.data)
        average.data.copy_(before)


def ema_update(subject: Subject) -> None:
    """Update an averaged copy, which is then the subject."""
    average = ExponentialMovingAverage(
        subject.layer, momentum=.5, update_buffers=subject.rng.random() < .5)
    average.update_parameters(subject.layer)  # the first update copies
    twin, subject.layer = _elsewhere(subject), average.module
    subject.check()
    average.update_parameters(twin)
    subject.layer.requires_grad_()


WRITES = {
    'data[...] =': _each(lambda t, w, v: t.data.__setitem__(w, v)),
    'data.mul_': _each(_data_mul),
    'data =': _each(_new_data),
    'no_grad': _each(_no_grad),
    'inference_mode': _each(_inference),
    'numpy': _each(_numpy),
    'dlpack': _each(_dlpack),
    'SGD': _optimizer(torch.optim.SGD, foreach=False),
    'SGD foreach': _optimizer(torch.optim.SGD, foreach=True),
    'SGD fused': _optimizer(torch.optim.SGD, fused=True),
    'Adam foreach': _optimizer(torch.optim.Adam, foreach=True),
    'Adam fused': _optimizer(torch.optim.Adam, fused=True),
    'AdamW': _optimizer(torch.optim.AdamW, foreach=False),
    'AdamW fused': _optimizer(torch.optim.AdamW, fused=True),
    'Adagrad': _optimizer(torch.optim.Adagrad, foreach=False),
    'Adagrad fused': _optimizer(torch.optim.Adagrad, fused=True),
    'EMA swap': ema_swap,
    'EMA update': ema_update,
}
