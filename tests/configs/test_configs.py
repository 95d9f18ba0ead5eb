"""Every config builds, takes a training step in small, and fuses."""
from pathlib import Path

import pytest
import torch
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper

from mmrep.cli import build_model, load_config
from mmrep.cli.synthetic import synthetic_batch
from mmrep.deploy import absorb_biases, plain_config, worst_difference
from mmrep.fuse import fuse

CONFIGS = sorted((Path(__file__).parents[2] / 'configs').glob('*.py'))
SIZE = 128


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config(path):
    torch.manual_seed(0)
    cfg = load_config(str(path))
    model = revert_sync_batchnorm(build_model(cfg))
    cfg.optim_wrapper.optimizer.lr = 1e-6  # on random weights, without warm-up
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    batch = synthetic_batch(cfg.default_scope, (SIZE, SIZE), 2)['data_samples']
    x = torch.randn(2, 3, SIZE, SIZE)
    model.train()
    losses = model(x, batch, mode='loss')
    loss, _ = model.parse_losses(losses)
    assert loss.isfinite()
    trained = [p for p in model.parameters() if p.requires_grad]
    before = trained[-1].clone()
    optim_wrapper.update_params(loss)
    assert not trained[-1].equal(before)

    model.eval()
    fused = absorb_biases(fuse(model), model)
    plain = build_model(plain_config(cfg))
    plain.load_state_dict(fused.state_dict())
    assert worst_difference(model, plain.eval(), x) < 1e-4


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_naming(path):
    """Flat files <head>_<method>_<depth or arch>_<dataset>.py, imports."""
    method = path.stem.split('_')[-3]
    assert method in ('dbb', 'orepa', 'repvgg')
    assert path.stem.split('_')[-1] in ('shapes', 'coco', 'cityscapes')
    assert load_config(str(path)).custom_imports.imports == ['mmrep']
