"""The promises of a layer while nobody changes it, one check each."""
import copy
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .cases import EXACT, normal
from .formulas import block
from .parts import Part, norms_of, read
from .subject import Subject, Wrong, same


def evaluation(subject: Subject) -> None:
    subject.check()


def with_gradients(subject: Subject) -> None:
    """The formula holds in eval mode while autograd records."""
    expected, _ = subject.expected(subject.x)
    same('output', subject.layer(subject.x), expected, subject.x.dtype)


def branches(subject: Subject) -> None:
    subject.check(subject.layer.forward_branches)


def fused(subject: Subject) -> None:
    conv = subject.layer.fuse()
    if type(conv) is not nn.Conv2d or conv.training:
        raise Wrong(f'fuse gives {conv}')
    subject.check(conv)


def kernel(subject: Subject) -> None:
    """The kernel by hand is a convolution of the padded image."""
    weight, bias = subject.layer.kernel()
    look = subject.look
    subject.check(lambda x: F.conv2d(
        look.pad(x), weight, bias, look.stride, 0, look.dilation, look.groups))


def unbatched(subject: Subject) -> None:
    """The layer takes (C, H, W), as nn.Conv2d does."""
    for forward in (subject.layer, subject.layer.forward_branches):
        subject.check(lambda x: forward(x[0])[None], subject.x[:1])


def training(subject: Subject) -> None:
    """All norms or some use batch statistics; the layer runs twice."""
    set_modes(subject)
    subject.check()
    subject.check()


def set_modes(subject: Subject) -> None:
    """The layer goes to training mode, then some norms to eval mode."""
    layer, rng = subject.layer, subject.rng
    if subject.has_sync():
        return
    layer.train()
    share = rng.choice([0, 0, .5])
    for norm in norms_of(layer).values():
        norm.train(rng.random() >= share)


def gradients(subject: Subject) -> None:
    """Gradients of all parameters and of the input are right, in any mode."""
    if subject.rng.random() < .6:
        set_modes(subject)
    values, norms = read(subject.layer)
    parameters = dict(subject.layer.named_parameters(), x=subject.x.clone())
    leaves = {
        name: (values.get(name, subject.x)).double().requires_grad_()
        for name in parameters
    }
    expected = block(
        Part({
            **values,
            **leaves
        }, norms), leaves['x'], subject.look)
    out = subject.layer(parameters['x'].requires_grad_())
    along = normal(out.shape, subject.case.seed, torch.float64)
    found = grads_of(out, parameters, along.to(out))
    expected = grads_of(expected, leaves, along)
    largest = max(grad.abs().max().item() for grad in expected.values())
    for name, grad in expected.items():
        # a norm of a nearly constant channel enlarges rounding
        same(f'gradient of {name}', found[name], grad, out.dtype, 100,
             largest * 1e-2)


def grads_of(out: Tensor, tensors: dict, along: Tensor) -> dict:
    grads = torch.autograd.grad(
        out, list(tensors.values()), along, allow_unused=True)
    return {
        name: torch.zeros_like(tensor) if grad is None else grad
        for (name, tensor), grad in zip(tensors.items(), grads)
    }


def state_dict(subject: Subject) -> None:
    """A fresh layer that loads the state dict computes the same."""
    weights = copy.deepcopy(subject.layer.state_dict())
    expected, _ = subject.expected(subject.x)
    layer = subject.case._replace(seed=subject.case.seed + 1).fresh().eval()
    layer.load_state_dict(weights, strict=True)
    with torch.no_grad():
        same('output', layer(subject.x), expected, subject.x.dtype)
    for name, tensor in layer.state_dict().items():
        if not torch.equal(tensor, weights[name]):
            raise Wrong(f'{name} has changed')


def from_conv(subject: Subject) -> None:
    """A layer made of a convolution computes what the convolution did."""
    case, conv, look = subject.case, subject.case.conv(), subject.look
    bias = None if conv.bias is None else conv.bias.double()
    expected = F.conv2d(
        look.pad(subject.x.double()), conv.weight.double(), bias, look.stride,
        0, look.dilation, look.groups)
    layer = case.cls.from_conv(conv, **case.options).eval()
    for forward in (layer, layer.forward_branches):
        same('output', forward(subject.x), expected.detach(), case.dtype)


def autocast(subject: Subject) -> None:
    """The dtype is nn.Conv2d's, in both modes; few digits are right."""
    if subject.x.dtype != torch.float32:
        return
    x, layer, conv = subject.x, subject.layer, subject.case.conv()
    expected, _ = subject.expected(x)
    with torch.autocast(x.device.type, torch.bfloat16), torch.no_grad():
        out, dtype = layer(x), conv(x).dtype
        set_modes(subject)
        trained = layer(x)
    if not (out.dtype == trained.dtype == dtype):
        raise Wrong(f'{out.dtype} in eval, {trained.dtype} in training, '
                    f'nn.Conv2d gives {dtype}')
    same('output', out, expected, torch.float32,
         .05 * math.sqrt(conv.weight[0].numel()) / EXACT[torch.float32])


CHECKS = {
    'eval': evaluation,
    'eval with gradients': with_gradients,
    'branch by branch': branches,
    'fuse()': fused,
    'kernel()': kernel,
    '(C, H, W)': unbatched,
    'gradients': gradients,
    'training': training,
    'autocast': autocast,
    'state_dict()': state_dict,
    'from_conv()': from_conv,
}
