"""Change what a layer is made of between two forward passes."""
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
    """It counts in training mode only."""
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
    """A parametrization, as weight norm or quantisation are."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight * 2


def parametrized(subject: Subject) -> None:
    """Put on, its original written, taken off."""
    name, _ = subject.rng.choice(list(subject.layer.named_parameters()))
    parent, _, leaf = name.rpartition('.')
    module = subject.layer.get_submodule(parent)
    parametrize.register_parametrization(module, leaf, Doubled())
    subject.check()
    module.parametrizations[leaf].original.data.mul_(1.5)
    subject.check()
    parametrize.remove_parametrizations(module, leaf)


def requires_grad(subject: Subject) -> None:
    """Toggled, with a write in between where nothing counts writes."""
    for parameter in subject.layer.parameters():
        parameter.requires_grad_(subject.rng.random() < .5)
    subject.check()
    WRITES['data[...] ='](subject)
    expected, _ = subject.expected(subject.x)
    same('output', subject.layer(subject.x), expected, subject.x.dtype)
    subject.layer.requires_grad_()


def frozen_train(subject: Subject) -> None:
    """Statistics can be calibrated with weights that are fixed."""
    layer = subject.layer.requires_grad_(False)
    if not subject.has_sync():
        layer.train()
        subject.check_modes(True)
        subject.check()
    layer.requires_grad_().eval()


def modes(subject: Subject) -> None:
    """To training mode, whose statistics stay, and back."""
    if not subject.has_sync():
        subject.layer.train()
        subject.check_modes(True)
        subject.check()
    subject.layer.eval()
    subject.check_modes(False)


def one_norm(subject: Subject) -> None:
    """A single norm moves, whatever the mode of the layer."""
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
