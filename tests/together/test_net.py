"""The verb that lets a model make its kernels together."""
import copy
import io

import pytest
import torch
from torch import nn

import mmrep
from mmrep import UserError
from mmrep.together.net import unbatch

from .common import assert_same, batchers, blocks, image, mixed, stepped, twins


class Detector(nn.Module):
    """A backbone with blocks, with more around it."""

    def __init__(self, **parts):
        super().__init__()
        self.backbone = nn.ModuleDict(dict(body=mixed()))
        self.neck = nn.Conv2d(4, 4, 1).double()
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.neck(self.backbone['body'](x))


def has_batcher(module):
    return bool(batchers(nn.ModuleList([module]))) and bool(
        module._forward_pre_hooks)


def test_it_is_the_smallest_module_around_all_blocks():
    net = Detector()
    assert mmrep.batch_kernels(net) is net
    assert has_batcher(net.backbone['body']) and len(batchers(net)) == 1
    net = mmrep.batch_kernels(Detector(head=blocks('ACBConv2d')))
    assert has_batcher(net) and len(batchers(net)) == 1
    layer, = mmrep.batch_kernels(blocks('ACBConv2d', 1))
    assert not has_batcher(layer)
    assert has_batcher(mmrep.batch_kernels(layer))


@pytest.mark.parametrize('parts', [
    nn.ModuleList(blocks('ACBConv2d')),
    nn.ModuleDict(dict(all=nn.ModuleList(blocks('ACBConv2d'))))
])
def test_lists_of_modules_do_not_run(parts):
    head = Detector(head=parts)
    del head.backbone
    assert has_batcher(mmrep.batch_kernels(head))


def test_a_call_more_changes_nothing():
    net = mmrep.batch_kernels(mmrep.batch_kernels(Detector()), compiled=True)
    batcher, = batchers(net)
    assert batcher.compiled and batcher.on_cpu
    assert len(net.backbone['body']._forward_hooks) == 1


def test_it_can_be_switched_off():
    net, seen = Detector(), []
    net.backbone['body'].register_forward_hook(lambda *_: seen.append(1))
    mmrep.batch_kernels(net)(image())
    assert mmrep.batch_kernels(net, False) is net
    assert batchers(net) == []
    net(image())
    assert seen == [1, 1]


def test_backbones_have_one_of_their_own():
    net = mmrep.RepVGGResNet(18, base_channels=4)
    batcher, = batchers(net)
    assert has_batcher(net) and not batcher.on_cpu and not batcher.compiled
    mmrep.batch_kernels(nn.ModuleDict(dict(backbone=net)))
    batcher, = batchers(net)
    assert batcher.on_cpu
    unbatch(net)
    assert not batchers(net)


def test_models_without_blocks():
    net = nn.Sequential(nn.Conv2d(3, 3, 1))
    assert mmrep.batch_kernels(net) is net and not batchers(net)


@pytest.mark.parametrize('arguments, message', [
    ((3, ), 'int'),
    ((nn.ReLU(), 'yes'), r'`enabled` \(=.yes.\)'),
    ((nn.ReLU(), True, 1), r'`compiled` \(=1\)'),
])
def test_what_is_no_model_or_flag(arguments, message):
    with pytest.raises(UserError, match=message) as error:
        mmrep.batch_kernels(*arguments)
    assert '\n' not in str(error.value)


def test_names_and_checkpoints_stay():
    plain, net = Detector(), mmrep.batch_kernels(Detector())
    net(image())
    assert list(net.state_dict()) == list(plain.state_dict())
    assert mmrep.structure(net) == mmrep.structure(plain)
    plain.load_state_dict(net.state_dict())
    file = io.BytesIO()
    torch.save(net, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    assert len(batchers(loaded)) == 1
    loaded.neck.weight.data.mul_(2)
    _, apart = twins(loaded)
    assert_same(stepped(loaded, image()), stepped(apart, image()))


def test_a_fused_net_has_no_batcher():
    net = mmrep.batch_kernels(Detector())
    expected = net(image()).detach()
    fused = mmrep.fuse(copy.deepcopy(net))
    assert not any(m._forward_pre_hooks or m._forward_hooks
                   for m in fused.modules())
    assert_same(dict(o=fused(image()).detach()), dict(o=expected), 1e-10)


def test_nets_that_become_rich():
    """Blocks may come later: the next pass plans with them."""
    net = mmrep.batch_kernels(
        nn.Sequential(
            blocks('ACBConv2d')[0], nn.Conv2d(4, 4, 3, padding=1),
            nn.Conv2d(4, 4, 3, padding=1)).double().eval())
    net(image())
    mmrep.reparameterize(net, 'OREPAConv2d')
    _, apart = twins(net)
    assert_same(stepped(net, image()), stepped(apart, image()))
    batcher, = batchers(net)
    assert len(batcher.known[-1].engines[0].plan.blocks) == 3
