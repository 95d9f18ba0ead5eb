"""PyTorch's schedulers continue after groups are added."""
import pytest
import torch
from torch.optim import lr_scheduler

from mmrep.dyrep import regroup

from .nets import conv3x3, data_of, grow, net_of

KINDS = dict(
    steps=lambda o: lr_scheduler.StepLR(o, 2, 0.5),
    cosine=lambda o: lr_scheduler.CosineAnnealingLR(o, 20),
    warm_up=lambda o: lr_scheduler.LinearLR(o, 0.1, total_iters=8),
    function=lambda o: lr_scheduler.LambdaLR(o, lambda i: 1 / (1 + i)),
    plateau=lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0),
)


def optimizer_of(net):
    """Return an optimizer with a third of the rate for norms in branches."""
    parts = [dict(params=[], lr=lr) for lr in (0.3, 0.1)]
    for name, p in net.named_parameters():
        parts['norm' in name and 'branches' in name]['params'].append(p)
    return torch.optim.SGD([p for p in parts if p['params']], momentum=0.9)


def advance(net, optimizer, schedule, batch, count):
    for _ in range(count):
        optimizer.zero_grad()
        net(batch).square().mean().backward()
        optimizer.step()
        plateau = isinstance(schedule, lr_scheduler.ReduceLROnPlateau)
        schedule.step(*[1.] * plateau)


def lrs(net, optimizer):
    names = {p: name for name, p in net.named_parameters()}
    return {
        names[p]: group['lr']
        for group in optimizer.param_groups
        for p in group['params']
    }


@pytest.mark.parametrize('kind', KINDS)
def test_as_if_the_groups_had_been_there(kind):
    net = net_of(conv3x3())
    data, optimizer = data_of(net, size=8), optimizer_of(net)
    schedule = KINDS[kind](optimizer)
    advance(net, optimizer, schedule, data.batches[0], 3)
    grow(net, data, ())
    regroup(optimizer, net, optimizer_of, [schedule])
    advance(net, optimizer, schedule, data.batches[0], 3)

    other = optimizer_of(net)
    advance(net, other, KINDS[kind](other), data.batches[0], 6)
    assert lrs(net, optimizer) == pytest.approx(lrs(net, other))
    assert len(set(lrs(net, optimizer).values())) == 2
    # before PyTorch 2.2 some schedulers have no `get_last_lr`
    assert len(schedule._last_lr) == 2
