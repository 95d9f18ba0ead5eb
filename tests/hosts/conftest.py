"""One training step and fusing, of any part of a host's model."""
import importlib

import pytest
import torch
from mmengine.registry import MODELS, init_default_scope
from torch import nn

import mmrep
from mmrep.deploy.verify import relative_difference
from mmrep.nets.walk import branch_by_branch, names, rep_layers
from mmrep.testing import randomize_norms

# exact up to rounding, however deep the model: all is run in float64
TOLERANCE = 1e-9


def tensors(value):
    """The tensors of a nested output, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for item in value for tensor in tensors(item)]


@torch.no_grad()
def stir(model):
    """Move norms and rich layers away from their start, where some is zero."""
    randomize_norms(model)
    for layer in rep_layers(model):
        for parameter in layer.parameters():
            parameter += 0.1 * torch.rand_like(parameter)
    for module in model.modules():
        # mmdet never initialises it: it stands in an nn.Sequential, and its
        # init_cfg overrides a child that it does not have
        if type(module).__name__ == 'TridentConv':
            nn.init.kaiming_uniform_(module.weight)
    return model


def build(scope, config, conv):
    """Build as a Runner does; all but what is known to stay plain is rich."""
    importlib.import_module(f'{scope}.models')
    init_default_scope(scope)
    model = MODELS.build({**config, 'conv_cfg': dict(type=conv)})
    model.init_weights()
    layers = list(rep_layers(model))
    assert layers and {type(layer).__name__ for layer in layers} == {conv}
    return stir(model.double())


def plain_convs(model, known):
    """Convolutions that ``conv_cfg`` did not reach, by parts of their names.

    One whose name has none of the known parts stands for itself.
    """
    found = set()
    for module, (name, *_) in names(model).items():
        weighs = isinstance(getattr(module, 'weight', None), nn.Parameter)
        if weighs and hasattr(module, 'kernel_size') and not isinstance(
                module, mmrep.RepConv2d):
            found.update([part for part in known if part in name] or [name])
    return found


def trained(model):
    """The parameters of rich layers that are trained, by name."""
    return {
        f'{paths[0]}.{name}': parameter
        for layer, paths in names(model).items()
        if isinstance(layer, mmrep.RepConv2d)
        for name, parameter in layer.named_parameters()
        if parameter.requires_grad
    }


def train_step(model, x):
    """One step of SGD, which reaches every branch of every rich layer."""
    model.train()  # of ResNets it returns None
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    # no plain mean of squares: after a norm in train mode that is constant
    sum((out - torch.randn_like(out)).square().mean()
        for out in tensors(model(x))).backward()
    own = trained(model)
    before = {name: p.detach().clone() for name, p in own.items()}
    assert not [name for name, p in own.items() if p.grad is None]
    assert not [n for n, p in own.items() if not p.grad.isfinite().all()]
    nn.utils.clip_grad_norm_(model.parameters(), 1)
    optimizer.step()
    # biases and scales before a norm in train mode have no gradient
    weights = [name for name, p in own.items() if p.ndim == 4]
    assert not [name for name in weights if own[name].equal(before[name])]


def moved_biases(model, fused, layers):
    """What a norm behind has taken over of each named layer; 0 if nothing."""
    biases = {name: model.get_submodule(name).fuse().bias for name in layers}
    return {
        name:
        0 if bias is None or fused.get_submodule(name).bias is not None else
        bias[:, None, None]
        for name, bias in biases.items()
    }


def outputs(model, x, layers):
    """What the named layers give on the way, and the model in the end.

    ``layers`` holds what is to be added to each.
    """
    found = []
    handles = [
        model.get_submodule(name).register_forward_hook(
            lambda module, args, out, more=more: found.append(out + more))
        for name, more in layers.items()
    ]
    found += tensors(model(x))
    for handle in handles:
        handle.remove()
    return found


@torch.no_grad()
def assert_fuses(model, x):
    """Fused, the model is plain and computes what its branches do.

    Layer by layer too: after a ReLU6 that saturates, all nets are alike.
    """
    model.eval()
    fused = mmrep.fuse(model)
    assert not any(isinstance(m, mmrep.RepConv2d) for m in fused.modules())
    paths = names(model)
    rich = [paths[layer][0] for layer in rep_layers(model)]
    with branch_by_branch(model):
        expected = outputs(model, x, dict.fromkeys(rich, 0))
    actual = outputs(fused, x, moved_biases(model, fused, rich))
    assert len(actual) == len(expected) > len(rich)
    worst = max(map(relative_difference, expected, actual))
    assert worst < TOLERANCE


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(params=[
    'OREPAConv2d', 'DBBConv2d', 'ACBConv2d', 'RepVGGConv2d', 'QARepVGGConv2d',
    'OREPAVGGConv2d', 'MobileOneConv2d', 'LargeKernelConv2d'
])
def conv(request):
    """Name of a rich layer, for ``conv_cfg``."""
    return request.param


@pytest.fixture
def check(conv):
    """Return a function that builds, trains and fuses a part of a model."""

    def run(scope, config, x, plain=()):
        model = build(scope, config, conv)
        assert plain_convs(model, plain) == set(plain)
        train_step(model, x)
        assert_fuses(model, x)
        return model

    return run
