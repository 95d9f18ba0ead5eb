"""What the tests of exporting tools share."""
import pytest
import torch

from mmrep.cli import build_model, load_config
from mmrep.testing import randomize_norms

# the block whose branches are exported fastest
RICH = "model = dict(backbone=dict(type='RepVGGResNet'))"


@pytest.fixture
def said(tool, monkeypatch):
    """Return the lines that the tool logs."""
    lines = []
    monkeypatch.setattr(tool, 'print_log', lambda line, _: lines.append(line))
    return lines


@pytest.fixture
def config_of(request, tmp_path_factory):
    """Return a tiny config with few branches, by the name of a fixture."""

    def config_of(name):
        path = tmp_path_factory.mktemp(name) / 'net.py'
        path.write_text(f'_base_ = {request.getfixturevalue(name)!r}\n{RICH}')
        return str(path)

    return config_of


@pytest.fixture
def seg(config_of):
    return config_of('tiny_seg')


@pytest.fixture
def trained():
    """Return a function that writes a checkpoint with random norms."""

    def trained(config, path, change=lambda model: model):
        torch.manual_seed(0)
        model = randomize_norms(build_model(load_config(str(config)))).eval()
        model = change(model)
        torch.save(dict(state_dict=model.state_dict()), path)
        return model

    return trained
