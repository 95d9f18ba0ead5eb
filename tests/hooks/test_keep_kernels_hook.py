"""Kernels are kept through a validation or test, and no longer."""
from unittest import mock

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner

import mmrep
from mmrep.nets.walk import branch_by_branch, rep_layers


@pytest.fixture
def runner(tiny_seg, tmp_path):
    cfg = Config.fromfile(tiny_seg)
    cfg.work_dir = str(tmp_path)
    cfg.train_cfg.val_interval = 1
    runner = Runner.from_cfg(cfg)
    runner.register_hook(mmrep.KeepKernelsHook())
    return runner


def made_by(layer, run):
    with mock.patch.object(layer, 'merge', wraps=layer.merge) as spy:
        run()
    return spy.call_count


@pytest.mark.parametrize('loop', ['val', 'test'])
def test_one_kernel_for_all_batches(runner, loop):
    layer = next(rep_layers(runner.model))
    assert len(runner.val_dataloader) == 2
    assert made_by(layer, getattr(runner, loop)) == 1
    assert not layer._kept.users


def test_validation_while_averages_train(runner):
    """EMAHook swaps weights around it where nothing counts that."""
    runner.register_hook(EMAHook(momentum=0.5))
    seen = []

    def compare(module, args, out):
        with branch_by_branch(module), torch.no_grad():
            seen.append((module.forward(*args), out))

    def watch(*_):
        handle = runner.model.backbone.register_forward_hook(compare)
        original(*_)
        handle.remove()

    original = runner.val_loop.run
    with mock.patch.object(runner.val_loop, 'run', watch):
        runner.train()
    assert len(seen) == 4
    for expected, found in seen:
        for a, b in zip(expected, found):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


class Broken(Exception):
    """Error that ends a validation half-way."""


def fail_in_validation(runner):
    """Let a validation fail and catch the error; kernels are kept."""
    with mock.patch.object(runner.val_loop, 'run_iter', side_effect=Broken):
        with pytest.raises(Broken):
            runner.val()
    assert next(rep_layers(runner.model))._kept.users == 1


@pytest.mark.parametrize('stage, arguments', [('before_run', ()),
                                              ('after_run', ()),
                                              ('before_train_iter', (0, ))])
def test_a_validation_that_failed_is_over(runner, stage, arguments):
    fail_in_validation(runner)
    hook = runner.hooks[-1]
    assert isinstance(hook, mmrep.KeepKernelsHook)
    getattr(hook, stage)(runner, *arguments)
    assert not any(m._kept.users for m in rep_layers(runner.model))


def test_a_validation_after_one_that_failed(runner):
    """It counts as the only one."""
    fail_in_validation(runner)
    runner.val()
    assert not any(m._kept.users for m in rep_layers(runner.model))
    hook = runner.hooks[-1]
    for _ in range(2):
        hook.before_val_epoch(runner)
    assert next(rep_layers(runner.model))._kept.users == 1
    hook.after_val_epoch(runner)


def test_a_training_that_catches_it(runner):
    """The kernels of each step are those of its own weights."""
    steps = []

    class Catching(Hook):

        def after_train_iter(self, runner, *args, **kwargs):
            steps.append(sum(m._kept.users for m in rep_layers(runner.model)))
            with mock.patch.object(
                    runner.val_loop, 'run_iter', side_effect=Broken):
                with pytest.raises(Broken):
                    runner.val_loop.run()

    runner.train_loop.dynamic_intervals = [1000]
    runner.register_hook(Catching())
    runner.train()
    assert steps == [0, 0]
    assert not any(m._kept.users for m in rep_layers(runner.model))
