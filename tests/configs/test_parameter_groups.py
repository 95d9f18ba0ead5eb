"""Classifiers decay and learn, parameter by parameter, as the papers say."""
import re
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from torch.nn.modules.batchnorm import _BatchNorm

from mmrep.cli import build_model, load_config

FOLDER = Path(__file__).parents[2] / 'configs'
CONFIGS = sorted(
    path for path in FOLDER.glob('*.py')
    if re.search('_(imagenet|cifar)', path.stem))


class Parameter(NamedTuple):
    """The facts of a parameter that the papers' scripts use."""

    name: str
    is_norm: bool
    dimensions: int

    @property
    def is_bias(self):
        return self.name.endswith('.bias')

    @property
    def is_identity(self):
        """True for the norm of an identity branch, which scripts miss."""
        return self.name.endswith('identity.norm.weight')


# Each rule gives the factors of learning rate and weight decay.


def of_orepa(p):
    """Rule of train.py, sgd_optimizer: 'bias' and 'bn' in the name."""
    undecayed = p.is_bias or (p.is_norm and not p.is_identity)
    return 2 if p.is_bias else 1, 0 if undecayed else 1


def of_repvgg(p):
    """Rule of README and train/optimizer.py: not kernels and identity."""
    return 1, 1 if p.is_identity or p.dimensions > 1 else 0


def of_dyrep(p):
    """Rule of lib/utils/optim.py: no decay with one dimension."""
    return 1, 1 if p.dimensions > 1 else 0


def of_dbb(p):
    """Rule of train.py, sgd_optimizer: 'bias' and 'depth' in the name."""
    return 2 if p.is_bias else 1, 0 if 'depthwise' in p.name else 1


def all_alike(p):
    return 1, 1


# (name of the config, rule, decay, nesterov); the first that fits holds
RULES = [
    (r'.*_cifar', all_alike, 1e-4, False),
    (r'dyrep_mobilenet', of_dyrep, 4e-5, True),
    (r'dyrep_', of_dyrep, 1e-4, True),
    (r'repvggplus_', of_repvgg, 4e-5, True),
    (r'repvgg_', of_repvgg, 1e-4, False),
    (r'.*_mobilenet', of_dbb, 4e-5, False),
    (r'.*(_alexnet|_own$)', of_dbb, 1e-4, False),
    (r'(plain|orepa|dbb)_r|orepavgg_', of_orepa, 1e-4, False),
]


@pytest.fixture(autouse=True)
def silent_log(monkeypatch):
    """Silence the log, which has four lines for each parameter."""
    monkeypatch.setattr(MMLogger, 'callHandlers', lambda *args: None)


def parameters(model):
    for place, module in model.named_modules():
        for name, p in module.named_parameters(recurse=False):
            yield Parameter(f'{place}.{name}', isinstance(module, _BatchNorm),
                            p.dim()), p


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_parameter_groups(path):
    cfg = load_config(str(path))
    rule, decay, nesterov = next(row[1:] for row in RULES
                                 if re.match(row[0], path.stem))
    # the host's ResNet reads numbers while it is built
    device = 'cpu' if cfg.model.backbone.type == 'ResNet' else 'meta'
    with torch.device(device):
        model = build_model(cfg)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    groups = {p: g for g in optimizer.param_groups for p in g['params']}
    told = dict(parameters(model))
    assert set(groups) == set(told.values())
    wrong = []
    for parameter, p in told.items():
        lr, factor = rule(parameter)
        expected = dict(lr=.1 * lr, weight_decay=decay * factor)
        found = {key: groups[p][key] for key in expected}
        if found != pytest.approx(expected):
            wrong.append((parameter.name, found, expected))
    assert not wrong
    assert {g['nesterov'] for g in groups.values()} == {nesterov}
    assert {g['momentum'] for g in groups.values()} == {.9}
    assert len(optimizer.param_groups) <= 6


@pytest.mark.parametrize(
    'path', [p for p in sorted(FOLDER.glob('*.py')) if p not in CONFIGS],
    ids=lambda path: path.stem)
def test_options_of_parameters_make_few_groups(path):
    """mmengine's constructor would make a group of each parameter."""
    values = Config.fromfile(path, import_custom_modules=False).optim_wrapper
    assert values.get('constructor') == ('GroupedOptimWrapperConstructor' if
                                         values.get('paramwise_cfg') else None)
