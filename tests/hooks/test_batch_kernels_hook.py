"""Runs with the hook are those without it."""
import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

import mmrep
from mmrep import UserError
from mmrep.together import batcher


@pytest.fixture
def run(tiny_cls, tmp_path):
    """Return a function that trains a classifier and returns its Runner."""

    def train(name, *hooks, **options):
        cfg = Config.fromfile(tiny_cls)
        cfg.work_dir = str(tmp_path / name)
        cfg.model.backbone.update(type='RepVGGResNet', norm_eval=True)
        cfg.model.backbone.update(base_channels=4, num_stages=2)
        cfg.model.backbone.update(strides=(1, 2), dilations=(1, 1))
        cfg.model.backbone.update(out_indices=(1, ))
        cfg.model.head.in_channels = 8
        cfg.default_hooks.checkpoint.interval = 2
        cfg.update(options)
        cfg.train_cfg.max_iters = options.pop('max_iters', 4)
        runner = Runner.from_cfg(cfg)
        for hook in hooks:
            runner.register_hook(hook)
        runner.train()
        return runner

    return train


class Watch(Hook):
    """A record of how many kernels batches make in each iteration."""

    def __init__(self):
        self.counts = []

    def after_train_iter(self, runner, *args, **kwargs):
        found = [
            hook.__self__
            for hook in runner.model.backbone._forward_pre_hooks.values()
            if isinstance(getattr(hook, '__self__', None), batcher.Batcher)
        ]
        self.counts.append(
            sum(
                len(engine.plan.blocks) for each in found
                for known in each.known[-1:] for engine in known.engines))


def weights(runner):
    return runner.model.state_dict()


def assert_close(found, expected):
    assert list(found) == list(expected)
    for name, there in expected.items():
        torch.testing.assert_close(
            found[name], there, rtol=1e-5, atol=1e-6, msg=name)


def test_a_run_and_one_that_resumes(run, tmp_path):
    watch, more = Watch(), Watch()
    expected = run('apart')
    found = run('together', dict(type='BatchKernelsHook'), watch)
    assert_close(weights(found), weights(expected))
    assert watch.counts == [8] * 4
    resumed = run(
        'resumed',
        mmrep.BatchKernelsHook(),
        more,
        load_from=str(tmp_path / 'together' / 'iter_2.pth'),
        resume=True)
    assert more.counts == [8] * 2
    assert_close(weights(resumed), weights(expected))


class Wrapper(nn.Module):

    def __init__(self, module):
        super().__init__()
        self.module = module


class Fake:
    """What the hook asks of a Runner."""

    def __init__(self, model):
        self.model = model


@pytest.mark.parametrize('compiled', [True, False])
def test_the_model_gets_a_batcher(compiled, monkeypatch):
    from mmrep.hooks import batch_kernels_hook as code
    monkeypatch.setattr(code, 'is_model_wrapper',
                        lambda model: isinstance(model, Wrapper))
    net = nn.Sequential(*[mmrep.ACBConv2d(4, 4, 3) for _ in range(2)])
    for model in (net, Wrapper(copy.deepcopy(net))):
        hook = HOOKS.build(dict(type='BatchKernelsHook', compiled=compiled))
        for _ in range(2):  # a Runner may train, then test
            hook.before_run(Fake(model))
        inside = getattr(model, 'module', model)
        found, = [h.__self__ for h in inside._forward_pre_hooks.values()]
        assert found.compiled == compiled and found.on_cpu
        assert inside is model or not model._forward_pre_hooks


def test_what_is_no_flag():
    with pytest.raises(UserError, match=r'`compiled` \(=1\)') as error:
        mmrep.BatchKernelsHook(compiled=1)
    assert '\n' not in str(error.value)
