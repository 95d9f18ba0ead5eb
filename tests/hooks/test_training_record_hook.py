"""What the record of a training says, also of one that was resumed."""
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from mmrep import TrainingRecordHook, UserError
from mmrep.hooks.training_record_hook import device_name, read_record

STEP, VALIDATION = 1., 100.  # seconds by the clock of the tests


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self):
        self.now = 1000.

    def __call__(self):
        return self.now


class Net(BaseModel):
    """A net whose steps take a second, and whose validations take more."""

    def __init__(self, clock, growing=0):
        super().__init__()
        self.layer, self.clock, self.growing = nn.Linear(2, 1), clock, growing

    def forward(self, x, mode='loss'):
        if mode == 'predict':
            self.clock.now += VALIDATION
            return [x.mean()]
        self.clock.now += STEP
        self.growing -= 1
        if self.growing == 0:
            self.more = nn.Parameter(torch.zeros(10))
        return dict(loss=self.layer(x).mean())

    def train_step(self, data, optim_wrapper):
        losses = self(torch.stack(data))
        optim_wrapper.update_params(losses['loss'])
        return losses

    def val_step(self, data):
        return self(torch.stack(data), mode='predict')


class Metric(BaseMetric):
    """A metric that counts its validations."""

    count = 0

    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        Metric.count += 1
        return dict(score=torch.tensor(float(Metric.count)))


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr('mmrep.hooks.training_record_hook.time',
                        SimpleNamespace(perf_counter=clock))
    Metric.count = 0
    return clock


@pytest.fixture
def runner_of(tmp_path, clock):
    """Return a function that makes the Runner of a short training."""

    def runner_of(iterations=6, growing=0, by_epoch=False, **more):
        data = [torch.randn(2) for _ in range(4)]
        loader = dict(
            dataset=data,
            batch_size=2,
            num_workers=0,
            collate_fn=dict(type='pseudo_collate'),
            sampler=dict(type='DefaultSampler', shuffle=False))
        cfg = dict(
            by_epoch=True, max_epochs=3) if by_epoch else dict(
                by_epoch=False, max_iters=iterations, val_interval=2)
        # a DefaultSampler lets mmengine sleep between epochs
        endless = dict(type='InfiniteSampler', shuffle=False)
        return Runner(
            Net(clock, growing),
            str(tmp_path),
            train_dataloader=loader if by_epoch else dict(
                loader, sampler=endless),
            val_dataloader=loader,
            train_cfg=cfg,
            val_cfg=dict(),
            val_evaluator=Evaluator(Metric()),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=.1)),
            default_hooks=dict(
                checkpoint=dict(
                    type='CheckpointHook', by_epoch=False, interval=2)),
            custom_hooks=[dict(type='TrainingRecordHook')],
            experiment_name=f'{tmp_path.name}-{len(list(tmp_path.iterdir()))}',
            **more)

    return runner_of


def record_in(folder):
    return json.loads((folder / 'training_record.json').read_text())


@pytest.mark.parametrize('by_epoch', [False, True])
def test_record(runner_of, tmp_path, by_epoch):
    runner_of(by_epoch=by_epoch).train()
    record = record_in(tmp_path)
    assert record['iteration'] == record['length'] == 6
    assert record['seconds'] == 6 * STEP  # without the validations
    assert record['parameters'] == 3
    assert record['device'] == device_name()
    assert record['memory'] > 50  # MiB; this process alone has more
    assert [(p['iteration'], p['seconds'], p['metrics'])
            for p in record['curve']] == [(2, 2., dict(score=1.)),
                                          (4, 4., dict(score=2.)),
                                          (6, 6., dict(score=3.))]


def test_the_most_parameters_count(runner_of, tmp_path):
    runner_of(growing=3).train()
    assert record_in(tmp_path)['parameters'] == 13


def test_a_resumed_run_goes_on(runner_of, tmp_path):
    runner_of().train()
    runner_of(
        iterations=8, resume=True,
        load_from=str(tmp_path / 'iter_4.pth')).train()
    record = record_in(tmp_path)
    assert record['seconds'] == 8 * STEP
    assert [p['iteration'] for p in record['curve']] == [2, 4, 6, 8]
    # the validation at 6 is that of the second run
    assert [p['metrics']['score'] for p in record['curve']] == [1., 2., 4., 5.]


def test_a_run_that_starts_anew_forgets(runner_of, tmp_path):
    runner_of(growing=2).train()
    runner_of().train()
    record = record_in(tmp_path)
    assert record['seconds'] == 6 * STEP and record['parameters'] == 3
    assert len(record['curve']) == 3


def test_it_is_written_in_between(runner_of, tmp_path, monkeypatch):
    seen = []
    write = TrainingRecordHook._write

    def noted(self, runner, iteration):
        write(self, runner, iteration)
        seen.append(record_in(tmp_path)['iteration'])

    monkeypatch.setattr(TrainingRecordHook, '_write', noted)
    monkeypatch.setattr('mmrep.hooks.training_record_hook.PAUSE', STEP / 2)
    runner_of().train()
    assert {2, 3, 4, 6} <= set(seen)


def test_a_full_disk(runner_of, monkeypatch):

    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'write_text', full)
    with pytest.raises(UserError, match='record.json.*No space left'):
        runner_of().train()


def test_no_record(tmp_path):
    assert read_record(str(tmp_path)) == {}
    (tmp_path / 'training_record.json').write_text('{')
    assert read_record(str(tmp_path)) == {}
