"""The host's time of tiny backbones, and what they launch."""
import pytest
import torch
from torch import nn

from mmrep.cli import UserError
from mmrep.measure.host import HostStep, compare_host, host_steps

PARTS = ('forward', 'backward', 'optimizer')
SIZE = (32, 32)


@pytest.fixture
def two(plain, tiny_cls):
    return host_steps([plain, tiny_cls], SIZE, 2)


def test_steps_are_of_tiny_backbones(two, plain, tiny_cls):
    assert [head for head, _ in two] == [
        dict(config=plain), dict(config=tiny_cls)
    ]  # yapf: disable
    for _, step in two:
        assert isinstance(step,
                          HostStep) and step.batch.shape == (2, 3, 32, 32)
        assert step.model.backbone.conv1.out_channels == 4
        named = dict(step.model.named_parameters())
        assert named and all(name.startswith('backbone.') for name in named)
        group, = step.optim_wrapper.optimizer.param_groups
        assert group['momentum'] == 0.9 and group['lr'] == 1e-20


def test_rows(two):
    told = []
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    for _, step in two:
        said = iter([(9, 9, 9), (1, 2, 1), (2, 3, 4)])

        def timed(said=said):
            assert torch.get_num_threads() == 1
            return next(said)

        step.timed = timed
    two[1][1].launched = lambda: (10, 20, 30)
    two[0][1].launched = lambda: (5, 10, 5)
    rows = compare_host(two, 2, lambda: told.append(1))
    assert torch.get_num_threads() == 2
    torch.set_num_threads(threads)
    assert [[row[part] for part in PARTS] for row in rows] == [[1, 2, 1]] * 2
    assert [row['seconds'] for row in rows] == [4, 4]
    assert [row['launched'] for row in rows] == [20, 60]
    assert [row['launched_ratio'] for row in rows] == [1, 3]
    assert [rows[1][f'launched_{part}'] for part in PARTS] == [10, 20, 30]
    assert rows[0]['parameters'] == sum(p.numel()
                                        for p in two[0][1].model.parameters())
    assert len(told) == 2 * (2 + 2)


class Net(nn.Module):
    """Forward: a product, a ReLU and a mean; backward: one more."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1, bias=False)

    def forward(self, x):
        return (self.conv(x).relu(), )


def test_what_is_launched(two):
    step = two[0][1]
    step.model.backbone = Net()
    wrapper = step.optim_wrapper
    wrapper.optimizer = torch.optim.SGD(
        step.model.parameters(), 0.1, momentum=0.9)
    step()
    # ones, a division by the mean's count, of ReLU and of the convolution;
    # momentum's product and sum, and the parameter's change
    assert step.launched() == (3, 4, 3)
    assert wrapper.optimizer.param_groups[0]['foreach'] is None
    assert all(seconds > 0 for seconds in step.timed())


def test_a_net_that_evolves(plain, tmp_path):
    path = tmp_path / 'evolving.py'
    path.write_text(f"_base_ = '{plain}'\ntrain_cfg = dict(max_iters=6)\n"
                    "custom_hooks = [dict(type='DyRepHook', interval=2)]")
    steps = host_steps([str(path)], SIZE, 2)
    assert [head['moment'] for head, _ in steps] == ['half-way', 'at the end']
    rows = compare_host(steps, 1, lambda: None)
    assert rows[0]['launched'] < rows[1]['launched']


def test_no_optimizer(plain, tmp_path):
    path = tmp_path / 'untrained.py'
    path.write_text(f"_base_ = '{plain}'\noptim_wrapper = None")
    with pytest.raises(UserError, match='has no `optim_wrapper`'):
        host_steps([str(path)], SIZE, 2)
