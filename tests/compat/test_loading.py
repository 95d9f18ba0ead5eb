"""Fails where an upgrade of mmengine loads weights in another way."""
import mmengine.runner.checkpoint as mmengine_checkpoint
import pytest
import torch
from mmengine.model import BaseModule, BaseTTAModel
from mmengine.runner.checkpoint import load_checkpoint
from torch import nn

from mmrep.compat.loading import is_initialising, prepare_loading
from mmrep.errors import UserError

GONE = 'mmrep/compat/loading.py needs another way to act as mmengine loads'


@pytest.fixture
def prepared():
    """Collect the model and the names of weights of each loading."""
    found = []

    def prepare(model, state_dict):
        found.append((model, list(state_dict)))
        return []

    undo = prepare_loading(prepare)
    yield found
    undo()


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / 'a.pth')
    torch.save(dict(state_dict=nn.Linear(1, 1).state_dict()), path)
    return path


def test_a_file(prepared, path):
    net = nn.Linear(1, 1)
    load_checkpoint(net, path)
    assert prepared == [(net, ['weight', 'bias'])], GONE


def test_wrappers(prepared):

    class Around(BaseTTAModel):

        def merge_preds(self, data_samples_list):
            return data_samples_list

    net = BaseModule()
    around = Around.__new__(Around)
    nn.Module.__init__(around)
    around.module = net
    mmengine_checkpoint.load_state_dict(around, {})
    assert prepared[0][0] is net, GONE


def test_undone(path):
    before = mmengine_checkpoint.load_state_dict
    undo = prepare_loading(lambda *_: pytest.fail('was not undone'))
    undo()
    assert mmengine_checkpoint.load_state_dict is before
    load_checkpoint(nn.Linear(1, 1), path)


def test_new_parameters_while_mmengine_initialises(path):
    """mmengine counts the parameters before and after it initialises."""

    class Net(BaseModule):

        def __init__(self):
            super().__init__(dict(type='Pretrained', checkpoint=path))
            self.weight = nn.Parameter(torch.zeros(1, 1))

    undo = prepare_loading(
        lambda model, weights: [str(is_initialising(model))])
    try:
        with pytest.raises(UserError, match="branches for 'True'"):
            Net().init_weights()
        net = Net()
        mmengine_checkpoint.load_state_dict(net, {})
        assert not is_initialising(net), (
            'BaseModule._params_init_info means something else: ' + GONE)
    finally:
        undo()
