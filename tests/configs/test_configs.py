"""Every config builds, takes a training step in small, and fuses."""
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmengine.registry import HOOKS

from mmrep import DBBConv2d
from mmrep.cli import build_model, load_config
from mmrep.cli.synthetic import synthetic_batch
from mmrep.deploy import absorb_biases, plain_config, worst_difference
from mmrep.dyrep import SEVEN, Data, Evolution
from mmrep.dyrep.growing import add_branches
from mmrep.dyrep.running import adopt_pretrained
from mmrep.dyrep.sites import Site
from mmrep.fuse import fuse
from mmrep.testing import randomize_norms

FOLDER = Path(__file__).parents[2] / 'configs'
CONFIGS = sorted(FOLDER.glob('*.py'))
EVOLVED = [path for path in CONFIGS if path.stem.endswith('_cd')]
DATASETS = ('cifar10', 'cityscapes', 'coco', 'imagenet', 'shapes')
SIZE = 96

each_config = pytest.mark.parametrize(
    'path', [p for p in CONFIGS if p not in EVOLVED], ids=lambda p: p.stem)


def evolution_of(cfg, model):
    """What evolves the model of a config while it trains, if something does.

    Its hook accepts the model and gives the settings.
    """
    hooks = [
        HOOKS.build(hook) for hook in cfg.get('custom_hooks') or []
        if hook.type == 'DyRepHook'
    ]
    for hook in hooks:
        hook.check(model, cfg)
        return Evolution(model, **hook.method)
    assert 'dyrep' not in Path(cfg.filename).stem


def check_grows(evolution, scores, batch):
    """One event: the kernel of the highest score grows, nothing is cut."""
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
    """The weights of the fused net are those of the plain config's net."""
    fused = absorb_biases(fuse(model), model)
    plain = build_model(plain_config(cfg))
    plain.load_state_dict(fused.state_dict())
    assert worst_difference(model, plain.eval(), x) < 1e-4


def loss_of(model, batch):
    return model.parse_losses(model(*batch, mode='loss'))[0]


@each_config
def test_config(path):
    torch.manual_seed(0)
    cfg = load_config(str(path))
    model = revert_sync_batchnorm(build_model(cfg))
    evolution = evolution_of(cfg, model)
    cfg.optim_wrapper.optimizer.lr = 1e-6  # on random weights, without warm-up
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    batch = synthetic_batch(cfg.default_scope, (SIZE, SIZE), 2)
    x = torch.randn(2, 3, SIZE, SIZE)
    batch = (x, batch['data_samples'])
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
    """Path and weights of a ResNet-50 that has grown on ImageNet."""
    torch.manual_seed(0)
    cfg = load_config(str(FOLDER / 'resnet50_dyrep_imagenet.py'))
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
    """Starts with the branches of a checkpoint, evolves as without them."""
    cfg = load_config(str(path))
    plain = load_config(str(path).replace('_cd', ''))
    assert cfg.custom_hooks == plain.custom_hooks
    cfg.model.backbone.init_cfg.checkpoint, weights = evolved
    model = build_model(cfg)
    evolution_of(cfg, model)
    adopt_pretrained(SimpleNamespace(model=model, hooks=[], optim_wrapper={}))
    model.backbone.init_weights()
    block = model.backbone.layer3[1].conv2
    assert type(block) is DBBConv2d
    assert list(block.branches) == list(block.kxk.branches) == list(SEVEN)
    for name, tensor in model.backbone.state_dict().items():
        assert tensor.equal(weights[f'backbone.{name}'])


def test_evolved_checkpoint_is_named_once():
    """All start from the same file, which their users bring."""
    inits = [load_config(str(p)).model.backbone.init_cfg for p in EVOLVED]
    assert len(inits) == 5
    assert all(init == inits[0] for init in inits)
    assert inits[0].checkpoint == 'checkpoints/resnet50_dyrep_imagenet.pth'


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_naming(path):
    """Flat files <head>_<method>_<depth or arch>_<dataset>.py, imports.

    Classifiers have no head to name, RepVGG's are its own archs; DyRep's from
    evolved backbones end in ``_cd``.
    """
    *_, dataset = parts = path.stem.removesuffix('_cd').split('_')
    assert dataset in DATASETS
    is_classifier = dataset in ('cifar10', 'imagenet')
    assert len(parts) >= 3
    place = -2 if is_classifier and parts[0] != 'repvgg' else -3
    assert parts[place] in ('dbb', 'dyrep', 'orepa', 'repvgg')
    assert load_config(str(path)).custom_imports.imports == ['mmrep']
