"""A training step never lets the host wait for a GPU."""
import pytest
import torch

import mmrep
from mmrep.testing import Waited, refuses_waiting


@pytest.fixture
def images():
    return torch.randn(2, 3, 32, 32)


@pytest.mark.parametrize('norm_eval', [False, True])
@pytest.mark.parametrize('kind', ['OREPAResNet', 'RepVGGResNet', 'DBBResNet'])
def test_a_training_step_does_not_wait(kind, norm_eval, images):
    net = getattr(mmrep, kind)(18, base_channels=4, norm_eval=norm_eval)
    optimizer = torch.optim.SGD(net.train().parameters(), 0.1, momentum=0.9)
    for _ in range(2):
        with refuses_waiting():
            sum(feature.mean() for feature in net(images)).backward()
            optimizer.step()
            optimizer.zero_grad()


def test_a_layer_that_waits_is_seen(images):
    net = mmrep.RepVGGResNet(18, base_channels=4).train()
    net.layer4[1].conv2.register_forward_hook(
        lambda _, args, out: float(out.mean()) and None)
    with pytest.raises(Waited), refuses_waiting():
        net(images)
