"""Change the parts of a layer between two forward passes."""
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from .cases import randomize_norm
from .parts import norms_of
from .subject import Subject, same
from .writes import WRITES, drawn


def norm_eps(subject: Subject) -> None:
    for norm in some_norms(subject):
        norm.eps = subject.rng.choice([.1, .3, 1.])


def norm_momentum(subject: Subject) -> None:
    """Change the momentum, which counts in training mode only."""
    for norm in some_norms(subject):
        norm.momentum = subject.rng.choice([.2, .7, None])
    modes(subject)


def some_norms(subject: Subject) -> list:
    norms = list(norms_of(subject.layer).values())
    return subject.rng.sample(norms, subject.rng.randint(
        1, len(norms))) if norms else []


def new_parameter(subject: Subject) -> None:
    name, parameter = subject.rng.choice(
        list(subject.layer.named_parameters()))
    parent, _, leaf = name.rpartition('.')
    setattr(
        subject.layer.get_submodule(parent), leaf,
        nn.Parameter(drawn(subject, leaf, parameter.shape)))


def new_norm(subject: Subject) -> None:
    found = norms_of(subject.layer)
    if not found:
        return
    name, norm = subject.rng.choice(list(found.items()))
    parent, _, leaf = name.rpartition('.')
    new = nn.BatchNorm2d(norm.num_features, eps=.01, dtype=subject.x.dtype)
    randomize_norm(new)
    setattr(
        subject.layer.get_submodule(parent), leaf, new.train(norm.training))


class Doubled(nn.Module):
    """A parametrization, as for weight norm or quantisation."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight * 2


def parametrized(subject: Subject) -> None:
    """Add a parametrization, write its original and remove it."""
    name, _ = subject.rng.choice(list(subject.layer.named_parameters()))
    parent, _, leaf = name.rpartition('.')
    module = subject.layer.get_submodule(parent)
    parametrize.register_parametrization(module, leaf, Doubled())
    subject.check()
    module.parametrizations[leaf].original.data.mul_(1.5)
    subject.check()
    parametrize.remove_parametrizations(module, leaf)


def requires_grad(subject: Subject) -> None:
    """Toggle requires_grad, with a write in between that nothing counts."""
    for parameter in subject.layer.parameters():
        parameter.requires_grad_(subject.rng.random() < .5)
    subject.check()
    WRITES['data[...] ='](subject)
    expected, _ = subject.expected(subject.x)
    same('output', subject.layer(subject.x), expected, subject.x.dtype)
    subject.layer.requires_grad_()


def frozen_train(subject: Subject) -> None:
    """Calibrate statistics with weights that are fixed."""
    layer = subject.layer.requires_grad_(False)
    if not subject.has_sync():
        layer.train()
        subject.check_modes(True)
        subject.check()
    layer.requires_grad_().eval()


def modes(subject: Subject) -> None:
    """Go to training mode, in which statistics stay, and back."""
    if not subject.has_sync():
        subject.layer.train()
        subject.check_modes(True)
        subject.check()
    subject.layer.eval()
    subject.check_modes(False)


def one_norm(subject: Subject) -> None:
    """Change the mode of a single norm, in any mode of the layer."""
    norms = [] if subject.has_sync() else some_norms(subject)
    for norm in norms[:1]:
        norm.train()
        subject.check()
        norm.eval()


def to_dtype(subject: Subject) -> None:
    single = subject.x.dtype == torch.float32
    dtype = torch.float64 if single else torch.float32
    subject.layer, subject.x = subject.layer.to(dtype), subject.x.to(dtype)


PIECES = {
    'norm.eps': norm_eps,
    'norm.momentum': norm_momentum,
    'new Parameter': new_parameter,
    'new norm': new_norm,
    'parametrize': parametrized,
    'requires_grad': requires_grad,
    'frozen .train()': frozen_train,
    '.train(), .eval()': modes,
    'norm.train()': one_norm,
    '.to(dtype)': to_dtype,
}
