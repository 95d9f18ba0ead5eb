"""Deployed nets compute what the training forms do, with fewer weights."""
from pathlib import Path

import pytest
import torch
from torch import nn

from mmrep.comparing.deployed import deploy_run, deployed_files, deployed_net
from mmrep.comparing.files import checkpoint_of
from mmrep.comparing.finishing import finish
from mmrep.comparing.latency import latencies
from mmrep.comparing.plan import Run
from mmrep.errors import UserError
from mmrep.hosts import build_model, load_config
from mmrep.testing import randomize_norms


@pytest.fixture
def trained(tiny_cls, tmp_path):
    """Return a function that writes a run of a backbone as if it had run."""

    def trained(backbone):
        text = Path(tiny_cls).read_text()
        folder = tmp_path / backbone / 'seed_3'
        folder.mkdir(parents=True)
        config = f'{folder}.py'
        Path(config).write_text(
            text.replace("type='OREPAResNet'",
                         f'type={backbone!r}').replace('seed=0', 'seed=3'))
        torch.manual_seed(0)
        model = randomize_norms(build_model(load_config(config))).eval()
        torch.save(
            dict(state_dict=model.state_dict(), optimizer={}),
            folder / 'iter_2.pth')
        (folder / 'last_checkpoint').write_text(str(folder / 'iter_2.pth'))
        return Run(backbone, 3, None, str(folder)), model

    return trained


@pytest.mark.parametrize('backbone', ['ResNet', 'DBBResNet'])
def test_same_logits(trained, backbone):
    run, model = trained(backbone)
    deploy_run(run.config, checkpoint_of(run.folder), run.folder)
    net = deployed_net(*deployed_files(run.config, run.folder))
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        wanted, found = model.head(model.extract_feat(x)), net.head(
            net.extract_feat(x))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    assert not [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]


def test_a_plain_net_is_deployed_as_it_is(trained):
    run, _ = trained('ResNet')
    deploy_run(run.config, checkpoint_of(run.folder), run.folder)
    assert deployed_files(run.config,
                          run.folder) == (run.config,
                                          f'{run.folder}/iter_2.pth')


def test_a_rich_net_is_fused(trained):
    run, _ = trained('DBBResNet')
    deploy_run(run.config, checkpoint_of(run.folder), run.folder)
    config, checkpoint = deployed_files(run.config, run.folder)
    assert checkpoint == f'{run.folder}.deployed.pth'
    assert load_config(config).model.backbone.type == 'ResNet'


def test_latencies(trained):
    runs = [trained('ResNet')[0], trained('DBBResNet')[0]]
    rich = runs[1]
    deploy_run(rich.config, checkpoint_of(rich.folder), rich.folder)
    found = latencies(runs, rounds=2)
    assert set(found) == {'ResNet', 'DBBResNet'}
    assert all(seconds > 0 for seconds in found.values())


def test_no_validation_image(trained):
    run, _ = trained('ResNet')
    text = Path(run.config).read_text()
    Path(run.config).write_text(text + '\nval_dataloader = None\n')
    assert latencies([run], rounds=1)[run.net] > 0  # of a test image
    Path(run.config).write_text(text +
                                '\nval_dataloader = test_dataloader = None\n')
    with pytest.raises(UserError, match='no validation image'):
        latencies([run])


def test_a_training_without_checkpoint(trained):
    run, _ = trained('ResNet')
    with pytest.raises(UserError, match='no whole checkpoint'):
        finish(run.config, run.folder)  # no record either
