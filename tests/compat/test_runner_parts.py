"""Fails where an upgrade of mmengine renames or changes private methods."""
import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import Runner, checkpoint
from torch import nn

from mmrep.compat import runner_parts

WHY = ('mmengine has another {}: give mmrep/compat/runner_parts.py another '
       'way to it')


class Model(BaseModel):

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, inputs, scale=1., mode='tensor'):
        out = scale * self.layer(inputs)
        return dict(loss=out.sum()) if mode == 'loss' else out


def runner(tmp_path, **cfg):
    return Runner(
        Model(),
        str(tmp_path),
        experiment_name=tmp_path.name,
        cfg=Config(cfg),
        default_scope='mmengine')


@pytest.mark.parametrize('name, owner', [
    ('_maybe_compile', Runner),
    (runner_parts.INIT_WEIGHTS, Runner),
    ('_run_forward', BaseModel),
    ('_load_checkpoint_with_prefix', checkpoint),
])
def test_names(name, owner):
    assert callable(getattr(owner, name, None)), WHY.format(name)


def test_resuming(tmp_path):
    made = runner(tmp_path)
    assert runner_parts.is_resuming(made) is False, WHY.format('_resume')
    made.resume = lambda path: None
    made._resume = True
    assert runner_parts.is_resuming(made) is True


def test_a_step_is_compiled_again(tmp_path, monkeypatch):
    """The changed model's step is compiled, not the compiled one again."""
    made, compiled = runner(tmp_path, compile=True), []
    monkeypatch.setattr(torch, 'compile',
                        lambda step, **_: compiled.append(step) or len)
    for _ in range(2):
        runner_parts.compile_again(made)
        assert made.model.train_step is len, WHY.format('_maybe_compile')
    assert compiled == [made.model.__class__.train_step.__get__(made.model)
                        ] * 2


def test_nothing_is_compiled(tmp_path):
    made = runner(tmp_path)
    runner_parts.compile_again(made)
    assert 'train_step' not in vars(made.model)


@pytest.mark.parametrize(
    'data', [dict(inputs=torch.ones(3, 2), scale=2.), (torch.ones(3, 2), 2.)])
def test_a_forward(data):
    model = Model()
    expected = 2 * model.layer(torch.ones(3, 2))
    found = runner_parts.run_forward(model, data, 'tensor')
    assert torch.equal(found, expected), WHY.format('_run_forward')
    loss = runner_parts.run_forward(model, data, 'loss')['loss']
    assert torch.equal(loss, expected.sum())


def test_weights_under_a_prefix(tmp_path):
    path = str(tmp_path / 'a.pth')
    weights = {'neck.x': torch.ones(1), 'backbone.x': torch.zeros(2)}
    torch.save(dict(state_dict=weights), path)
    for prefix in ('backbone', 'backbone.'):
        found = runner_parts.weights_under(prefix, path, 'cpu')
        assert list(found) == ['x'], WHY.format('prefix of PretrainedInit')
        assert torch.equal(found['x'], torch.zeros(2))
