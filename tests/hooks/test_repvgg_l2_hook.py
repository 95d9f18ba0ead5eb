"""RepVGG's L2 in the losses of a real Runner."""
import copy

import pytest
import torch
import torch.distributed as dist
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from mmengine.runner import Runner
from torch import nn

from mmrep import OREPAVGGConv2d, RepVGGConv2d, RepVGGL2Hook
from mmrep.errors import UserError
from mmrep.testing import randomize_norms

DECAY = 0.1
ONCE = {
    '0.weight': dict(decay_mult=0.),
    '1.weight': dict(decay_mult=0.),
    'branches.1x1.weight': dict(decay_mult=0.)
}


class Net(BaseModel):
    """A model with two blocks and a plain convolution; its loss is a mean."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        block = dict(padding=1, bias=False)
        self.body = nn.Sequential(
            RepVGGConv2d(3, 4, 3, **block),
            RepVGGConv2d(4, 4, 3, groups=2, **block), nn.Conv2d(4, 2, 1))
        randomize_norms(self)
        self.results = []

    def forward(self, inputs, mode='tensor'):
        out = self.body(inputs.float())
        if mode == 'loss':
            return dict(loss=out.float().pow(2).mean())
        self.results.append(out)
        return out


class Autocast(OptimWrapper):
    """A wrapper for mixed precision on CPUs, which AmpOptimWrapper lacks."""

    def optim_context(self, model):
        context = super().optim_context(model)
        return _Both(context, torch.autocast('cpu', torch.bfloat16))


class _Both:

    def __init__(self, *contexts):
        self.contexts = contexts

    def __enter__(self):
        for context in self.contexts:
            context.__enter__()

    def __exit__(self, *error):
        for context in reversed(self.contexts):
            context.__exit__(*error)


class Images(torch.utils.data.Dataset):

    def __len__(self):
        return 4

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        return torch.randn(3, 8, 8, generator=generator)


def collate(images):
    return dict(inputs=torch.stack(images))


def run(tmp_path, model=None, hook=None, iters=1, keys=ONCE, **kwargs):
    """Train a net, with the hook if there is one, and return its Runner."""
    loader = dict(
        dataset=Images(),
        batch_size=2,
        collate_fn=collate,
        sampler=dict(type='DefaultSampler', shuffle=False))
    kwargs.setdefault('optim_wrapper', {})
    optim_wrapper = dict(
        type='OptimWrapper',
        optimizer=dict(type='SGD', lr=0.5, weight_decay=DECAY),
        paramwise_cfg=dict(custom_keys=keys))
    optim_wrapper.update(kwargs.pop('optim_wrapper'))
    runner = Runner(
        model or Net(),
        str(tmp_path),
        train_dataloader=loader,
        optim_wrapper=optim_wrapper,
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=iters),
        custom_hooks=[hook] if hook else None,
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', interval=-1)),
        experiment_name=f'l2_{id(model)}_{len(list(tmp_path.iterdir()))}',
        **kwargs)
    runner.train()
    return runner


def penalty(net):
    """Return the penalty by the formula, summed over parts of kernels."""
    total = 0.
    for block in list(net.body)[:2]:
        one = block.branches['1x1']
        t_k, t_1 = ((n.weight.detach() / (n.running_var + n.eps).sqrt())[:,
                                                                         None,
                                                                         None]
                    for n in (block.norm, one.norm))
        centre, around = block.weight[:, :, 1, 1], block.weight.flatten(2)
        fused = t_k[..., 0] * centre + t_1[..., 0] * one.weight[..., 0, 0]
        total = total + around.pow(2).sum() - centre.pow(2).sum() + (
            fused.pow(2) / (t_k**2 + t_1**2)[..., 0]).sum()
    return total


def stepped(iters=1, accumulate=1):
    """Return the weights after steps by hand."""
    net = Net().train()
    data = [collate([Images()[i], Images()[i + 1]]) for i in (0, 2)]
    for i in range(iters):
        losses = net(**data[i % 2], mode='loss')
        loss = losses['loss'] + DECAY / 2 * penalty(net)
        (loss / accumulate).backward()
        if (i + 1) % accumulate:
            continue
        with torch.no_grad():
            for name, p in net.named_parameters():
                kernel = name.startswith(('body.0', 'body.1')) and p.dim() > 1
                p -= 0.5 * (p.grad + (0. if kernel else DECAY) * p)
        net.zero_grad()
    return net


@pytest.mark.parametrize('iters, accumulate', [(1, 1), (3, 1), (2, 2)])
def test_steps(tmp_path, iters, accumulate):
    runner = run(
        tmp_path,
        hook=dict(type='RepVGGL2Hook'),
        iters=iters,
        optim_wrapper=dict(accumulative_counts=accumulate))
    expected = stepped(iters, accumulate).state_dict()
    for name, tensor in runner.model.state_dict().items():
        torch.testing.assert_close(tensor, expected[name], msg=name)


def test_is_logged_and_gone_when_the_training_ends(tmp_path):
    net = Net()
    first = copy.deepcopy(net)
    first(**collate([Images()[0], Images()[1]]), mode='loss')  # as norms move
    hook = RepVGGL2Hook(weight_decay=0.25)
    runner = run(tmp_path, net, hook)
    logged = runner.message_hub.get_scalar('train/loss_l2').current()
    assert logged == pytest.approx(0.125 * penalty(first).item(), rel=1e-5)
    assert not net._forward_hooks
    assert net(**collate([Images()[0]]), mode='loss').keys() == {'loss'}


def test_only_losses_of_training_have_it(tmp_path):
    runner = run(tmp_path, hook=(hook := RepVGGL2Hook()))
    hook.before_train(runner)
    net, batch = runner.model, collate([Images()[0]])
    assert net.train()(**batch, mode='loss').keys() == {'loss', 'loss_l2'}
    assert net.eval()(**batch, mode='loss').keys() == {'loss'}
    assert torch.is_tensor(net.train()(**batch, mode='predict'))
    hook.before_train(runner)  # this replaces the first
    assert len(net._forward_hooks) == 1


def test_mixed_precision(tmp_path):
    """The penalty has single precision and is the same as without it."""
    OPTIM_WRAPPERS.register_module(module=Autocast, force=True)
    net = Net()
    first = copy.deepcopy(net)
    first(**collate([Images()[0], Images()[1]]), mode='loss')
    runner = run(
        tmp_path,
        net,
        dict(type='RepVGGL2Hook'),
        optim_wrapper=dict(type='Autocast'))
    logged = runner.message_hub.get_scalar('train/loss_l2').current()
    assert logged == pytest.approx(DECAY / 2 * penalty(first).item(), rel=5e-3)


def test_distributed(tmp_path, free_port):
    """The penalty is inside DDP's forward, as its reduction needs."""
    dist.init_process_group(
        'gloo',
        init_method=f'tcp://127.0.0.1:{free_port}',
        rank=0,
        world_size=1)
    try:
        runner = run(tmp_path, MMDistributedDataParallel(Net()),
                     dict(type='RepVGGL2Hook'))
    finally:
        dist.destroy_process_group()
    expected = stepped().state_dict()
    for name, tensor in runner.model.state_dict().items():
        torch.testing.assert_close(
            tensor, expected[name.replace('module.', '')], msg=name)


@pytest.mark.parametrize('keys, count', [
    ({}, 4),
    ({
        'branches.1x1.weight': dict(decay_mult=0.)
    }, 2),
])
def test_kernels_that_decay_twice(tmp_path, keys, count):
    """The keys in the message mend it."""
    with pytest.raises(UserError, match=f'{count} kernels, e.g. ') as error:
        run(tmp_path, hook=dict(type='RepVGGL2Hook'), keys=keys)
    told = str(error.value).partition('custom_keys=')[2]
    told = told.partition(' to `optim_wrapper.paramwise_cfg`')[0]
    run(tmp_path,
        hook=dict(type='RepVGGL2Hook'),
        keys=eval(told, dict(dict=dict)))


@pytest.mark.parametrize('layers, message', [
    ([nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)], 'finds no RepVGGConv2d that'),
    ([OREPAVGGConv2d(3, 4, 3)], "no formula for 'body.0', a OREPAVGGConv2d, "
     'which has a block in place'),
    ([RepVGGConv2d(3, 4, 2)], "no formula for 'body.0', a RepVGGConv2d, which "
     'has a kernel without'),
])
def test_models_it_is_not_for(tmp_path, layers, message):
    net = Net()
    for i, layer in enumerate(layers):
        net.body[i] = layer
    with pytest.raises(UserError, match=message):
        run(tmp_path, net, dict(type='RepVGGL2Hook'))


def test_blocks_that_are_left_alone(tmp_path):
    """Frozen blocks and those of a 1x1 convolution have no penalty."""
    net = Net()
    net.body[0].requires_grad_(False)
    net.body[2] = RepVGGConv2d(4, 2, 1)
    hook = RepVGGL2Hook()
    run(tmp_path, net, hook)
    assert hook.blocks == [net.body[1]]


class Silent(Net):
    """A model whose losses stay inside."""

    def train_step(self, data, optim_wrapper):
        loss = self(**data, mode='tensor').mean()
        optim_wrapper.update_params(loss)
        return dict(loss=loss)


def test_a_training_without_a_dict_of_losses(tmp_path):
    with pytest.raises(UserError, match='Silent trains without one'):
        run(tmp_path, Silent(), dict(type='RepVGGL2Hook'))


@pytest.mark.parametrize(
    'value', [0, -1, '1e-4', True,
              float('nan'), float('inf')])
def test_impossible_decays(value):
    with pytest.raises(UserError, match=r'`weight_decay` \(=.*must be a fini'):
        RepVGGL2Hook(weight_decay=value)


def test_an_optimizer_without_a_decay(tmp_path):
    with pytest.raises(
            UserError, match='needs a `weight_decay`: that of the '):
        run(tmp_path,
            hook=dict(type='RepVGGL2Hook'),
            optim_wrapper=dict(
                optimizer=dict(type='SGD', lr=.1), paramwise_cfg=None))
