"""An optimizer with a group for all parameters that are treated alike."""
import copy
import logging

import pytest
import torch
from mmengine.optim import MultiStepLR, build_optim_wrapper
from torch import nn

from mmrep.errors import UserError
from mmrep.parameter_groups import merged

OURS = 'GroupedOptimWrapperConstructor'
OPTIMIZERS = dict(
    sgd=dict(type='SGD', lr=.1, momentum=.9, weight_decay=.1),
    adamw=dict(type='AdamW', lr=.01, weight_decay=.1))
PARAMWISE = dict(
    norm_decay_mult=0.,
    custom_keys={
        '0.weight': dict(lr_mult=.5),
        '3.bias': dict(lr_mult=2., decay_mult=0.)
    })


@pytest.fixture(autouse=True)
def quiet():
    """Silence the constructor, which logs the options of each parameter."""
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


def net_of():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4),
        nn.Conv2d(4, 4, 3, bias=False), nn.BatchNorm2d(4),
        nn.Conv2d(4, 2, 1)).double()


def build(net, optimizer='sgd', paramwise=PARAMWISE, **options):
    return build_optim_wrapper(
        net,
        copy.deepcopy(
            dict(
                optimizer=OPTIMIZERS[optimizer],
                paramwise_cfg=paramwise,
                **options)))


def test_groups():
    net = net_of()
    names = {p: name for name, p in net.named_parameters()}
    groups = build(net, constructor=OURS).optimizer.param_groups
    found = [([names[p] for p in g['params']], g['lr'], g['weight_decay'])
             for g in groups]
    assert found == [
        (['0.weight'], .05, .1),
        (['1.weight', '1.bias', '3.weight'], .1, 0.),
        (['2.weight', '4.weight', '4.bias'], .1, .1),
        (['3.bias'], .2, 0.),
    ]


def updated(optimizer, **options):
    """The parameters after some steps, and their optimizer."""
    net = net_of()
    wrapper = build(net, optimizer, **options)
    x = torch.randn(2, 3, 8, 8, dtype=torch.double)
    for _ in range(4):
        wrapper.update_params(net(x).square().mean())
    return torch.cat([p.detach().flatten() for p in net.parameters()])


@pytest.mark.parametrize('clip, bound',
                         [(None, 0), (dict(type='value', clip_value=.01), 0),
                          (dict(max_norm=.1), 1e-12)])
@pytest.mark.parametrize('optimizer', OPTIMIZERS)
def test_updates_are_those_of_a_group_each(optimizer, clip, bound):
    """Norms of gradients add up in another order."""
    options = dict(clip_grad=clip) if clip else {}
    ours = updated(optimizer, constructor=OURS, **options)
    theirs = updated(optimizer, **options)
    assert (ours - theirs).abs().max() <= bound * theirs.abs().max()
    assert not ours.equal(updated(optimizer, paramwise={}, **options))


def test_no_options_no_change():
    net = net_of()
    wrapper = build(net, paramwise=None, constructor=OURS)
    assert wrapper.base_param_settings is None
    group, = wrapper.optimizer.param_groups
    assert group['params'] == list(net.parameters())


def test_a_single_group_is_scheduled_as_several():
    """A resumed run may have several: schedulers must have as many values."""
    only = dict(custom_keys={'branches': dict(lr_mult=2.)})
    wrapper = build(net_of(), paramwise=only, constructor=OURS)
    assert len(wrapper.optimizer.param_groups) == 1
    scheduler = MultiStepLR(wrapper, milestones=[1], gamma=.5)
    scheduler.step()
    assert wrapper.base_param_settings['lr'] == .05
    assert wrapper.get_lr() == dict(lr=[.05], base_lr=[.05])


def test_a_parameter_with_two_names():
    net = net_of()
    net.append(nn.Sequential(net[4]))
    with pytest.raises(UserError, match=r'\(2, 4, 1, 1\).*bypass_duplicate'):
        build(net, constructor=OURS)
    once = dict(PARAMWISE, bypass_duplicate=True)
    optimizer = build(net, paramwise=once, constructor=OURS).optimizer
    assert len(optimizer.param_groups[2]['params']) == 3


def test_groups_stay_as_they_are():
    a, b, c = (nn.Parameter(torch.zeros(1)) for _ in range(3))
    groups = [
        dict(params=[a]),
        dict(params=[b], betas=[.9]),
        dict(params=[c]),
    ]
    assert merged(groups) == [
        dict(params=[a, c]),
        dict(params=[b], betas=[.9]),
    ]
    assert groups[0]['params'] == [a]
