"""Every config builds, trains a small net for one step, and fuses."""
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmengine.registry import HOOKS
from torch.nn.modules.batchnorm import _BatchNorm

from mmrep import DBBConv2d
from mmrep.cli import build_model, load_config
from mmrep.deploy import plain_config, worst_difference
from mmrep.dyrep import SEVEN, Data, Evolution
from mmrep.dyrep.growing import add_branches
from mmrep.dyrep.sites import Site
from mmrep.fusing.net import fuse
from mmrep.runner.adopting import adopt_pretrained
from mmrep.synthetic import synthetic_batch
from mmrep.testing import randomize_norms

FOLDER = Path(__file__).parents[2] / 'configs'
CONFIGS = sorted(FOLDER.glob('*.py'))
EVOLVED = [
    path for path in CONFIGS
    if '_dyrep_' in path.stem and path.stem.endswith(('_c', '_cd'))
]
SIZE = 64
WIDTHS = {
    'in_channels', 'c1_in_channels', 'aux_channels', 'out_channels',
    'feat_channels', 'fc_out_channels', 'channels', 'c1_channels'
}

# the same as on CIFAR-10 except for the classes, see test_rows.py
CIFAR100 = [path for path in CONFIGS if path.stem.endswith('_cifar100')]

each_config = pytest.mark.parametrize(
    'path', [p for p in CONFIGS if p not in EVOLVED + CIFAR100],
    ids=lambda p: p.stem)


def reduced(cfg):
    """Return the same net with a quarter of its channels."""
    model = cfg.model
    if model.backbone.type == 'VGG':
        model.backbone.depth = 11
    if 'base_channels' in model.backbone or model.backbone.type == 'VGG':
        return cfg
    if model.backbone.type == 'MobileNetV1':
        model.backbone.widen_factor = 0.25
    else:
        model.backbone.base_channels = 16
    for name, part in model.items():
        if name != 'backbone':
            narrow(part)
    return cfg


def narrow(part):
    """Quarter the channels of a neck, a head and their parts."""
    if isinstance(part, list):
        for item in part:
            narrow(item)
    for key, value in part.items() if isinstance(part, dict) else ():
        if key not in WIDTHS:
            narrow(value)
        elif value:
            part[key] = (
                value // 4 if isinstance(value, int) else
                [channels // 4 for channels in value])


@torch.no_grad()
def settle(model, x):
    """Move the statistics of all norms, also frozen, towards these images.

    Weights are random, so 101 layers in eval mode would explode otherwise.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.training, norm.momentum = True, 0.5
    model.extract_feat(x)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum


def evolution_of(cfg, model):
    """Return the evolution of a config's model, None if it does not evolve.

    The hook of the config checks the model and has the settings.
    """
    hooks = [
        HOOKS.build(hook) for hook in cfg.get('custom_hooks') or []
        if hook.type == 'DyRepHook'
    ]
    for hook in hooks:
        hook.check(model, cfg)
        return Evolution(model, **hook.method)
    assert 'dyrep' not in Path(cfg.filename).stem
    return None


def check_grows(evolution, scores, batch):
    """Check an event: the kernel with the top score grows, none is cut."""
    model, means = evolution.model, scores.means()['snip']
    data = Data([batch], partial(loss_of, model),
                lambda batch: model.extract_feat(batch[0]))
    record = evolution.event(1, scores, data)
    assert record['grown'] == max(means, key=means.get)
    assert means[record['grown']] > 0
    assert record['parameters'][1] > record['parameters'][0]
    assert record['grown_change'][0] < 1e-4
    assert record['cut'] == []


def check_fuses(cfg, model, x):
    """Check that the fused net has the weights of the plain config's net."""
    fused = fuse(model)
    plain = build_model(plain_config(cfg))
    plain.load_state_dict(fused.state_dict())
    assert worst_difference(model, plain.eval(), x) < 1e-4


def loss_of(model, batch):
    return model.parse_losses(model(*batch, mode='loss'))[0]


@each_config
def test_config(path):
    torch.manual_seed(0)
    cfg = reduced(load_config(str(path)))
    imports = cfg.get('custom_imports', {}).get('imports')
    assert imports == ['mmrep'] or '_plain_' in f'_{path.stem}'
    model = revert_sync_batchnorm(build_model(cfg))
    evolution = evolution_of(cfg, model)
    cfg.optim_wrapper.optimizer.lr = 1e-6  # on random weights, without warm-up
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    batch = synthetic_batch(cfg.default_scope, (SIZE, SIZE), 2)
    x = torch.randn(2, 3, SIZE, SIZE)
    batch = (x, batch['data_samples'])
    settle(model, x)
    model.train()
    if evolution:
        scores = evolution.new_scores()
        optim_wrapper.optimizer.register_step_pre_hook(
            lambda optimizer, *_: scores.add(optimizer))
    loss = loss_of(model, batch)
    assert loss.isfinite()
    trained = [p for p in model.parameters() if p.requires_grad]
    before = trained[-1].clone()
    optim_wrapper.update_params(loss)
    assert not trained[-1].equal(before)
    if evolution:
        check_grows(evolution, scores, batch)
    check_fuses(cfg, model.eval(), x)


@pytest.fixture(scope='module')
def evolved(tmp_path_factory):
    """The path and the weights of a ResNet-50 that has grown on ImageNet."""
    torch.manual_seed(0)
    cfg = load_config(str(FOLDER / 'dyrep_r50_imagenet.py'))
    model = build_model(cfg)
    for site in (Site('layer3.1.conv2'), Site('layer3.1.conv2', ('kxk', ))):
        add_branches(model.backbone, site, SEVEN, 0)
    randomize_norms(model)
    path = tmp_path_factory.mktemp('evolved') / 'epoch_120.pth'
    weights = model.state_dict()
    torch.save(dict(state_dict=weights), path)
    return str(path), weights


@pytest.mark.parametrize('path', EVOLVED, ids=lambda path: path.stem)
def test_evolved(path, evolved):
    """The net has the checkpoint's branches, and may evolve further."""
    cfg = load_config(str(path))
    goes_on = path.stem.endswith('_cd')
    kind = 'dyrep' if goes_on else 'plain'
    stem = path.stem.replace('dyrep', kind).rpartition('_')[0]
    like = load_config(str(path.with_stem(stem)))
    assert cfg.get('custom_hooks') == like.get('custom_hooks')
    cfg.model.backbone.init_cfg.checkpoint, weights = evolved
    model = build_model(cfg)
    if goes_on:
        evolution_of(cfg, model)
        adopt_pretrained(
            SimpleNamespace(model=model, hooks=[], optim_wrapper={}))
    names = [name for name, _ in model.backbone.named_parameters()]
    model.backbone.init_weights()
    assert [name for name, _ in model.backbone.named_parameters()] == names
    block = model.backbone.layer3[1].conv2
    assert type(block) is DBBConv2d
    assert list(block.branches) == list(block.kxk.branches) == list(SEVEN)
    for name, tensor in model.backbone.state_dict().items():
        assert tensor.equal(weights[f'backbone.{name}'])


def test_evolved_checkpoint_is_named_once():
    """All start from the same file, which the user provides."""
    inits = [load_config(str(p)).model.backbone.init_cfg for p in EVOLVED]
    assert len(inits) == 10
    assert all(init == inits[0] for init in inits)
    assert inits[0].checkpoint == 'checkpoints/dyrep_r50_imagenet.pth'
