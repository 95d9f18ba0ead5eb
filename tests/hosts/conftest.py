"""Train a part of a host's model for one step and fuse it."""
import importlib

import pytest
import torch
from mmengine.registry import MODELS, init_default_scope
from torch import nn

import mmrep
from mmrep.deploy.verify import relative_difference
from mmrep.nets.walk import branch_by_branch, names, rep_layers
from mmrep.testing import randomize_norms

# all runs in float64, which stays exact to rounding in deep models
TOLERANCE = 1e-9


def tensors(value):
    """Return the tensors of a nested output, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for item in value for tensor in tensors(item)]


@torch.no_grad()
def stir(model):
    """Move norms and blocks away from their start, where some are zero."""
    randomize_norms(model)
    for layer in rep_layers(model):
        for parameter in layer.parameters():
            parameter += 0.1 * torch.rand_like(parameter)
    for module in model.modules():
        # mmdet never initialises it: it is inside an nn.Sequential, and its
        # init_cfg overrides a child that it does not have
        if type(module).__name__ == 'TridentConv':
            nn.init.kaiming_uniform_(module.weight)
    return model


def build(scope, config, conv):
    """Build as a Runner does; only known convolutions may stay plain."""
    importlib.import_module(f'{scope}.models')
    init_default_scope(scope)
    model = MODELS.build({**config, 'conv_cfg': dict(type=conv)})
    model.init_weights()
    layers = list(rep_layers(model))
    assert layers and {type(layer).__name__ for layer in layers} == {conv}
    return stir(model.double())


def plain_convs(model, known):
    """Return the convolutions without ``conv_cfg``, by parts of names.

    A convolution whose name has none of the known parts has its whole name.
    """
    found = set()
    for module, (name, *_) in names(model).items():
        weighs = isinstance(getattr(module, 'weight', None), nn.Parameter)
        if weighs and hasattr(module, 'kernel_size') and not isinstance(
                module, mmrep.RepConv2d):
            found.update([part for part in known if part in name] or [name])
    return found


def trained(model):
    """Return the parameters of blocks that are trained, by name."""
    return {
        f'{paths[0]}.{name}': parameter
        for layer, paths in names(model).items()
        if isinstance(layer, mmrep.RepConv2d)
        for name, parameter in layer.named_parameters()
        if parameter.requires_grad
    }


def train_step(model, x):
    """Take a step of SGD, which reaches every branch of every block."""
    model.train()  # ResNets return None
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    # a plain mean of squares is constant after a norm in train mode
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
    """Return the bias of each layer that a norm behind has absorbed."""
    biases = {name: model.get_submodule(name).fuse().bias for name in layers}
    return {
        name:
        0 if bias is None or fused.get_submodule(name).bias is not None else
        bias[:, None, None]
        for name, bias in biases.items()
    }


def outputs(model, x, layers):
    """Return the outputs of the named layers and of the model.

    ``layers`` has a tensor to add to the output of each layer.
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
    """Check that the fused model is plain and computes the same.

    Layers are compared, too: after a saturated ReLU6 all nets are equal.
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
    """Name of a block, for ``conv_cfg``."""
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
