"""A run whose optimizer lacks parameters ends in a sentence."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import nn

from mmrep import DBBConv2d, ParameterCheckHook
from mmrep.errors import UserError


def runner(model, *optimizers):
    wrappers = {str(i): OptimWrapper(o) for i, o in enumerate(optimizers)}
    wrapper = OptimWrapperDict(
        **wrappers) if len(wrappers) > 1 else wrappers['0']
    return SimpleNamespace(model=model, optim_wrapper=wrapper)


def check(run, load=lambda: None):
    """Call the hook as a Runner does, around the loading of weights."""
    hook = ParameterCheckHook()
    hook.before_run(run)
    load()
    hook.before_train(run)


def test_all_is_known():
    model = nn.Sequential(DBBConv2d(4, 4, 3), nn.Conv2d(4, 4, 3))
    model[1].requires_grad_(False)
    check(runner(model, torch.optim.SGD(model[0].parameters(), lr=0.1)))


def test_left_out_on_purpose():
    model = nn.Sequential(DBBConv2d(4, 4, 3), nn.Conv2d(4, 4, 3))
    check(runner(model, torch.optim.SGD(model[0].parameters(), lr=0.1)))


def test_several_optimizers():
    model = nn.Sequential(DBBConv2d(4, 4, 3), nn.Conv2d(4, 4, 3))
    sgd = [torch.optim.SGD(m.parameters(), lr=0.1) for m in model]
    check(runner(model, *sgd))


def test_branches_that_came_with_the_weights():
    model = nn.Sequential(DBBConv2d(4, 4, 3, branches=()))
    made_before = runner(model, torch.optim.SGD(model.parameters(), lr=0.1))
    grown = nn.Sequential(DBBConv2d(4, 4, 3))

    def load():
        with pytest.warns(UserWarning, match='type=\'Restructured\''):
            model.load_state_dict(grown.state_dict())

    with pytest.raises(UserError, match=r"e.g. '0.branches.1x1.*Restructured"):
        check(made_before, load)
