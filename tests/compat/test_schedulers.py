"""Fails where an upgrade renames the lists of schedulers."""
import torch
from mmengine.optim import LinearLR
from torch.optim import lr_scheduler

from mmrep.compat.schedulers import per_group


def found(kind, **options):
    groups = [dict(params=[torch.nn.Parameter(torch.ones(1))], lr=lr)
              for lr in (0.5, 0.25)]  # yapf: disable
    optimizer = torch.optim.SGD(groups, momentum=0.9)
    return dict(per_group(kind(optimizer, **options), 2))


def test_mmengine():
    assert found(
        LinearLR, start_factor=0.5, end=4) == dict(
            base_values=[0.5, 0.25], _last_value=[0.25, 0.125])


def test_pytorch():
    last = dict(base_lrs=[0.5, 0.25], _last_lr=[0.5, 0.25])
    assert found(lr_scheduler.StepLR, step_size=1) == last
    assert len(found(lr_scheduler.LambdaLR,
                     lr_lambda=float)['lr_lambdas']) == 2
    plateau = found(lr_scheduler.ReduceLROnPlateau, min_lr=0.1)
    assert plateau['min_lrs'] == [0.1, 0.1]


def test_attributes_of_other_lengths():
    """Lists for an optimizer of one group are not those of two groups."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], 0.1)
    assert not dict(per_group(lr_scheduler.StepLR(optimizer, 1), 2))
