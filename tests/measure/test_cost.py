"""Cost of a run that is plain, with DBB and with DyRep."""
from functools import partial

import pytest
import torch
from torch import nn

import mmrep
from mmrep.cli import load_config
from mmrep.dyrep import SEVEN, Evolution
from mmrep.hooks import DyRepHook
from mmrep.measure import cost
from mmrep.measure.training_step import TrainingStep, training_model
from mmrep.testing import randomize_norms

SIZE, STEPS, DUE = (32, 32), 5, [2, 4]


def plain(path):
    """Return a plain classifier with a frozen first stage and norms."""
    cfg = load_config(path)
    cfg.model.backbone.update(
        type='ResNet', frozen_stages=1, norm_eval=True, stem_channels=8)
    return cfg


@pytest.fixture
def cfg(tiny_cls):
    return plain(tiny_cls)


@pytest.fixture
def model(cfg):
    return training_model(cfg, SIZE)


# DBB


def test_dbb_where_anything_could_grow(model):
    cost.make_dbb(model, Evolution(model))
    rich = mmrep.structure(model)
    expected = [
        f'backbone.layer{stage}.{block}.conv{conv}' for stage in (2, 3, 4)
        for block in (0, 1) for conv in (1, 2)
    ]
    assert sorted(rich) == expected
    # there is no identity where stride and channels change
    assert list(rich[expected[0]]['branches']) == list(SEVEN[:-1])
    assert list(rich[expected[1]]['branches']) == list(SEVEN)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert not any(norm.training for norm in norms)  # `norm_eval`


def test_dbb_computes_the_same(model):
    randomize_norms(model)
    x = torch.randn(2, 3, *SIZE)
    before = model.eval().double().backbone(x.double())[-1]
    cost.make_dbb(model, Evolution(model, branches=('1x1', '1xk')))
    after = model.eval().backbone(x.double())[-1]
    assert (after - before).abs().max() < 1e-10 * before.abs().max()


def test_dbb_has_norms_like_those_around(cfg):
    cfg.model.backbone.norm_cfg = dict(type='BN', eps=0.01)
    model = training_model(cfg, SIZE)
    cost.make_dbb(model, Evolution(model))
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {norm.eps for norm in norms} == {0.01}


def test_dbb_of_blocks_that_have_not_grown(cfg):
    cfg.model.backbone.conv_cfg = dict(type='DBBConv2d', branches=(), norms=())
    model = training_model(cfg, SIZE)
    cost.make_dbb(model, Evolution(model))
    branches = mmrep.structure(model)['backbone.layer4.1.conv2']['branches']
    assert list(branches) == list(SEVEN)


# the comparison


@pytest.fixture(scope='module')
def compared(tiny_cls):
    """Runs and events, and the models in the order of all their steps."""
    cfg = plain(tiny_cls)
    cfg.model.backbone.norm_eval = False  # blocks run branch by branch
    model, calls = training_model(cfg, SIZE), []

    class Counted(TrainingStep):

        def __call__(self):
            calls.append(self)
            super().__call__()

    runs, events = cost.compare(
        partial(Counted, cfg, size=SIZE, batch_size=2), model,
        DyRepHook(branches=('1x1', 'identity')), DUE, STEPS)
    order = [step.model for step in calls]
    return runs, events, order


def test_runs_step_in_turn(compared):
    runs, events, order = compared
    turn = [run.step.model for run in runs.values()]
    more = [runs['DyRep'].step.model] * 2  # measured after an event
    expected = [model for model in turn for _ in range(2)]
    for step in range(1, STEPS + 1):
        expected += turn + (more if step in DUE else [])
    assert [id(m) for m in order] == [id(m) for m in expected]
    assert all(len(run.seconds) == STEPS for run in runs.values())


def test_structures_cost_while_they_are_there(compared):
    runs, events, _ = compared
    plain, rich, dyrep = (run.costs for run in runs.values())
    assert len(set(plain)) == len(set(rich)) == 1
    first, second = [record['parameters'] for record in events.records]
    start = plain[0].parameters
    assert [c.parameters
            for c in dyrep] == [start, start, first, first, second]
    assert runs['DyRep'].summary()['parameters'] == (2 * start + 2 * first +
                                                     second) / 5
    for larger, smaller in ((rich[0], plain[0]), (dyrep[-1], dyrep[0]),
                            (rich[0], dyrep[-1])):
        assert all(a > b for a, b in zip(larger, smaller))


def test_costs_are_those_of_the_models(compared):
    runs, events, _ = compared
    for run in runs.values():
        expected = sum(p.numel() for p in run.step.model.parameters())
        assert run.costs[-1].parameters == expected
    grown = mmrep.structure(runs['DyRep'].step.model)
    assert [record['step'] for record in events.records] == DUE
    assert sorted(grown) == sorted(
        {record['grown'].split('.kxk')[0]
         for record in events.records})


def test_multiply_adds_of_an_image(compared):
    """A plain ResNet has those of the formula; a batch of 2 counts once."""
    runs, _, _ = compared
    model, seen = runs['plain'].step.model, []
    for conv in model.modules():
        if isinstance(conv, nn.Conv2d):
            conv.register_forward_hook(lambda conv, _, out: seen.append(
                conv.weight.numel() * out[0, 0].numel()))
    model.backbone(torch.zeros(2, 3, *SIZE))
    assert runs['plain'].summary()['multiply_adds'] == sum(seen)


def test_new_parameters_are_trained(compared):
    runs, _, _ = compared
    for run in runs.values():
        groups = run.step.optim_wrapper.optimizer.param_groups
        known = {p for group in groups for p in group['params']}
        assert known >= {
            p
            for p in run.step.model.parameters() if p.requires_grad
        }


def test_nothing_is_scored_after_the_last_event(compared):
    runs, events, _ = compared
    assert events.scores.steps == 0 and STEPS > DUE[-1]


def test_scores_are_of_steps_that_count(cfg, model, monkeypatch):
    counts = []
    event = Evolution.event

    def watched(self, step, scores, data):
        counts.append(int(scores.steps))
        return event(self, step, scores, data)

    monkeypatch.setattr(Evolution, 'event', watched)
    prepare = partial(TrainingStep, cfg, size=SIZE, batch_size=2)
    cost.compare(prepare, model, DyRepHook(branches=('1x1', )), [1, 4], 4)
    assert counts == [1, 3]


def test_summary_of_a_run():
    run = cost.MeasuredTraining.__new__(cost.MeasuredTraining)
    run.seconds = [1.0, 9.0, 2.0]
    run.costs = [
        cost.Cost(10, 5.0, 100),
        cost.Cost(10, 5.0, 300),
        cost.Cost(40, 20.0, 200)
    ]
    assert run.summary() == dict(
        parameters=20, multiply_adds=10.0, seconds=2.0, memory=300)
