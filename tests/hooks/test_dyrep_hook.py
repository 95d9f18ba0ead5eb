"""Nets that evolve through the hosts' Runners."""
import json
import math
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

from mmrep import DyRepHook
from mmrep.checkpoints import read_checkpoint
from mmrep.dyrep import Evolution, growing
from mmrep.dyrep.finite import check_finite
from mmrep.errors import UserError
from mmrep.runner.course import PATIENCE, Course

HOSTS = ('mmseg', 'mmdet', 'mmpretrain')


def read(path):
    return read_checkpoint(str(path))


@pytest.mark.parametrize('host', HOSTS)
def test_a_plain_config_and_the_hook(host, evolving, train, tmp_path):
    cfg, path = evolving(host)
    checkpoint = read(train(path))
    history = checkpoint['dyrep']['history']
    assert [event['step'] for event in history] == [3, 6, 9]
    for event in history:
        assert event['grown'].startswith('backbone.')
        frozen, trained = event['grown_change']
        assert frozen <= 1e-5
        assert trained <= 2e-2
        assert event['parameters'][1] > event['parameters'][0]
        name = f"{event['grown']}.branches.1x1.weight"
        assert name in checkpoint['state_dict']
    states = checkpoint['optimizer']['state']
    groups = checkpoint['optimizer']['param_groups']
    assert sorted(states) == groups[0]['params'] == list(range(len(states)))
    assert len(history[-1]['importances']) == 3
    log = next(tmp_path.glob('run/*/*.log')).read_text()
    assert log.count('DyRep grew') == 3 and 'multiply-adds' in log
    scalars = next(tmp_path.glob('run/*/vis_data/scalars.json')).read_text()
    events = [
        json.loads(line) for line in scalars.splitlines() if 'dyrep' in line
    ]
    assert [event['step'] for event in events] == [3, 6, 9]
    assert events[-1]['dyrep/blocks'] == 3


def test_frozen_stages_and_norms(evolving, train):
    """These are mmdet's defaults: nothing frozen grows, growth is exact."""
    cfg, path = evolving('mmdet', interval=1)
    cfg.model.backbone.update(frozen_stages=1, norm_eval=True)
    cfg.dump(path)
    history = read(train(path))['dyrep']['history']
    assert len(history) == 9
    for event in history:
        assert event['grown'].split('.')[1] in ('layer2', 'layer3', 'layer4')
        assert max(event['grown_change'] + event['cut_change']) <= 1e-5


def test_branches_are_cut(evolving, train):
    """Any difference between branches is enough."""
    _, path = evolving('mmdet', interval=1, cut_threshold=1e-6)
    checkpoint = read(train(path))
    cuts = [e for e in checkpoint['dyrep']['history'] if e['cut']]
    assert cuts
    for event in cuts:
        assert event['cut_change'][0] <= 1e-5
        assert event['cut_change'][1] <= 2e-2
    gone = cuts[-1]['cut'][0]
    name = f"{gone['name']}.branches.{gone['branches'][0]}."
    assert not any(key.startswith(name) for key in checkpoint['state_dict'])


@pytest.mark.parametrize('metric', ['grasp', 'random', 'vote', 'grad_norm'])
def test_metrics(metric, evolving, train):
    _, path = evolving('mmseg', metric=metric, interval=6)
    history = read(train(path))['dyrep']['history']
    assert history[0]['grown'] and history[0]['score'] != 0


@pytest.mark.parametrize('norm_eval', [True, False])
def test_synflow_warns_where_it_means_nothing(norm_eval, evolving, train,
                                              tmp_path):
    cfg, path = evolving('mmdet', metric='synflow')
    cfg.model.backbone.norm_eval = norm_eval
    cfg.dump(path)
    train(path)
    log = next(tmp_path.glob('run/*/*.log')).read_text()
    assert ("'synflow' says nothing" in log) == (not norm_eval)


def test_validation_changes_nothing(evolving, train):
    """Dropout continues as without it; best checkpoints are exact."""
    cfg, path = evolving('mmseg')
    cfg.model.decode_head.dropout_ratio = 0.5
    cfg.dump(path)
    weights = [
        read(
            train(path, f'run{interval}', 'iter_12.pth', '--cfg-options',
                  f'train_cfg.val_interval={interval}'))['state_dict']
        for interval in (100, 2)
    ]
    assert all(weights[0][name].equal(weights[1][name]) for name in weights[0])


def test_norms_are_measured_anew(evolving, train, tmp_path):
    """Only their statistics change, and those of averages follow."""
    found = []
    for count in (0, 2):
        cfg, path = evolving(
            'mmseg',
            hooks=[dict(type='EMAHook')],
            interval=12,
            stop=12,
            recalibrate=count)
        cfg.model.decode_head.dropout_ratio = 0.5
        cfg.model.backbone.frozen_stages = 1
        cfg.dump(path)
        found.append(read(train(path, f'run{count}', 'iter_6.pth')))
    for name, tensor in found[0]['state_dict'].items():
        measured = 'running' in name and not name.startswith(
            ('backbone.bn1', 'backbone.layer1'))
        for state, prefix in (('state_dict', ''), ('ema_state_dict',
                                                   'module.')):
            first, second = [c[state][prefix + name] for c in found]
            assert first.equal(second) != measured, name
        if measured:
            assert second.equal(found[1]['state_dict'][name])
    log = next(tmp_path.glob('run2/*/*.log')).read_text()
    assert log.count('were measured anew on 2 batches') == 5


def test_accumulated_gradients_are_kept(evolving, train):
    """An event waits for the step that ends the accumulation."""
    cfg, path = evolving('mmseg')
    cfg.optim_wrapper.accumulative_counts = 4
    cfg.dump(path)
    history = read(train(path))['dyrep']['history']
    assert [event['step'] for event in history] == [4, 8, 12]


def test_an_average_follows(evolving, train):
    ema = dict(type='EMAHook', momentum=0.5)
    _, path = evolving('mmseg', hooks=[ema])
    checkpoint = read(train(path))
    names = {
        name[len('module.'):]
        for name in checkpoint['ema_state_dict'] if name != 'steps'
    }
    assert names == set(checkpoint['state_dict'])


def test_activation_checkpointing(evolving, train):
    """The training is the same with it and without it."""
    cfg, path = evolving('mmseg')
    checkpoints = [read(train(path))]
    cfg.activation_checkpointing = ['backbone.layer1', 'backbone.layer2']
    cfg.dump(path)
    checkpoints.append(read(train(path, 'checkpointed')))
    first, second = [c['state_dict'] for c in checkpoints]
    for name, tensor in first.items():
        if name.endswith('weight'):
            torch.testing.assert_close(second[name], tensor)


def error_of(load_tool, capsys, path, work_dir, *arguments):
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        load_tool('train').main(
            [path, '--work-dir', str(work_dir), *arguments])
    assert stop.value.code == 1
    assert not work_dir.exists()
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith('error: ')
    return message


@pytest.mark.parametrize('hook, words', [
    (dict(interval=20), ('`interval` (=20)', 'at most')),
    (dict(interval=0), ('`interval` (=0)', 'at least 1')),
    (dict(stop=13), ('`stop` (=13)', 'at most the 12 iterations')),
    (dict(interval=5, stop=4), ('`interval` (=5)', 'at most 4')),
    (dict(by_epoch=True), ('`by_epoch`', 'iterations')),
    (dict(scope='bakbone'), ("'bakbone'", 'backbone')),
    (dict(scope='decode_head.conv_seg'), ('decode_head.conv_seg', '1x1')),
    (dict(metric='sinflow'), ("'sinflow'", 'synflow')),
    (dict(branches=['2x2_kxk']), ("'2x2_kxk'", '1x1_kxk')),
    (dict(branches=[]), ('`branches`', 'empty')),
    (dict(init_gamma=0), ('`init_gamma` (=0)', 'above 0')),
    (dict(cut_threshold='high'), ("`cut_threshold` (='high')", 'above 0')),
    (dict(max_depth=0), ('`max_depth` (=0)', 'at least 1')),
    (dict(calibration_batches=0),
     ('`calibration_batches` (=0)', 'at least 1')),
    (dict(recalibrate=-1), ('`recalibrate` (=-1)', 'at least 0')),
    (dict(recalibrate=True), ('`recalibrate` (=True)', 'whole number')),
    (dict(intervall=3), ('intervall', )),
])
def test_hooks_that_cannot_work(hook, words, evolving, load_tool, capsys,
                                tmp_path):
    _, path = evolving('mmseg', **hook)
    message = error_of(load_tool, capsys, path, tmp_path / 'run')
    assert all(word in message for word in words), message


@pytest.mark.parametrize('options, word', [
    (dict(efficient_conv_bn_eval=['backbone']), '`efficient_conv_bn_eval`'),
    (dict(model_wrapper_cfg=dict(type='MMFullyShardedDataParallel')),
     'MMFullyShardedDataParallel'),
    (dict(
        strategy=dict(type='DeepSpeedStrategy'),
        runner_type='FlexibleRunner'), 'DeepSpeedStrategy'),
    (dict(optim_wrapper=dict(constructor='Several')), 'several optimizers'),
    (dict(
        optim_wrapper=dict(
            type='ApexOptimWrapper', optimizer=dict(type='SGD', lr=0.1))),
     'ApexOptimWrapper'),
])
def test_trainings_that_allow_no_change(options, word, evolving, load_tool,
                                        capsys, tmp_path):
    cfg, path = evolving('mmseg')
    if 'optim_wrapper' in options:
        cfg.optim_wrapper = options['optim_wrapper']
    else:
        cfg.merge_from_dict(options)
    cfg.dump(path)
    assert word in error_of(load_tool, capsys, path, tmp_path / 'run')


def test_everything_frozen(evolving, load_tool, capsys, tmp_path):
    cfg, path = evolving('mmdet')
    cfg.model.backbone.frozen_stages = 4
    cfg.dump(path)
    message = error_of(load_tool, capsys, path, tmp_path / 'run')
    assert 'no plain convolution' in message


def test_a_damaged_structure_is_refused(evolving, train, load_tool, capsys,
                                        tmp_path):
    """The branches have other sizes than the model has room for."""
    _, path = evolving('mmseg')
    checkpoint = torch.load(train(path), weights_only=False)
    grown = checkpoint['dyrep']['history'][0]['grown']
    name = f'{grown}.branches.1x1.weight'
    tensor = checkpoint['state_dict'][name]
    checkpoint['state_dict'][name] = tensor[:-1]
    bad = str(tmp_path / 'bad.pth')
    torch.save(checkpoint, bad)
    message = error_of(load_tool, capsys, path, tmp_path / 'again', '--resume',
                       bad)
    assert 'another architecture' in message and name in message


def test_the_hook_says_so_itself(evolving):
    """The hosts' own tools show the sentence, too."""
    with pytest.raises(UserError, match='`metric`'):
        DyRepHook(metric='best')
    cfg, _ = evolving('mmseg')
    assert Config(cfg.to_dict()).custom_hooks[0].type == 'DyRepHook'


def test_mixed_precision(evolving, monkeypatch, tmp_path):
    """Steps that overflow give no scores; the scale stays."""
    amp = 'mmengine.optim.optimizer.amp_optimizer_wrapper.'
    monkeypatch.setattr(amp + 'is_cuda_available', lambda: True)
    if not hasattr(torch.amp, 'GradScaler'):
        pytest.skip('PyTorch before 2.3 scales gradients on GPUs only')
    monkeypatch.setattr(amp + 'GradScaler', partial(torch.amp.GradScaler,
                                                    'cpu'))
    cfg, _ = evolving('mmseg')
    cfg.optim_wrapper.update(
        type='AmpOptimWrapper',
        dtype='bfloat16',
        loss_scale=dict(init_scale=2.**127, backoff_factor=2.**-110))
    cfg.model.decode_head.loss_decode = dict(
        type='CrossEntropyLoss', loss_weight=1e3)
    cfg.optim_wrapper.optimizer.lr = 1e-5
    cfg.work_dir = str(tmp_path / 'run')
    runner = Runner.from_cfg(cfg)
    runner.train()
    checkpoint = read(tmp_path / 'run/iter_12.pth')
    assert checkpoint['optimizer']['loss_scaler']['scale'] == 2.**17
    history = checkpoint['dyrep']['history']
    assert len(history) == 3
    for event in history:
        assert 0 < event['score'] < 1e4
        assert event['grown_change'][0] < 2e-2  # eight bits of precision
    branch = runner.model.get_submodule(f"{history[0]['grown']}.branches.1x1")
    assert branch.weight.dtype == torch.float32


def run(cfg, tmp_path):
    cfg.work_dir = str(tmp_path / 'run')
    Runner.from_cfg(cfg).train()


def test_one_hook_before_averages(evolving, tmp_path):
    cfg, _ = evolving('mmseg', hooks=[dict(type='EMAHook')])
    cfg.custom_hooks[1].priority = 'VERY_HIGH'
    with pytest.raises(UserError, match='must come before EMAHook'):
        run(cfg, tmp_path)
    cfg, _ = evolving('mmseg', hooks=[dict(type='DyRepHook')])
    with pytest.raises(UserError, match='several DyRepHooks'):
        run(cfg, tmp_path)


class Own(DyRepHook):
    """A hook of somebody else."""


def test_derived_hooks_count(evolving, tmp_path):
    HOOKS.register_module(module=Own, force=True)
    cfg, _ = evolving('mmseg', hooks=[dict(type='EMAHook')])
    cfg.custom_hooks[0].type = 'Own'
    cfg.custom_hooks[1].priority = 'VERY_HIGH'
    with pytest.raises(UserError, match='must come before EMAHook'):
        run(cfg, tmp_path)
    cfg, _ = evolving('mmseg', hooks=[dict(type='Own')])
    with pytest.raises(UserError, match='several DyRepHooks'):
        run(cfg, tmp_path)
    HOOKS.module_dict.pop('Own')


def test_preprocessors_that_draw(evolving, train):
    """Batches of random sizes are compared at one size."""
    cfg, path = evolving('mmdet')
    resize = dict(
        type='BatchSyncRandomResize',
        random_size_range=(32, 96),
        interval=1,
        size_divisor=32)
    cfg.model.data_preprocessor.batch_augments = [resize]
    cfg.dump(path)
    for event in read(train(path))['dyrep']['history']:
        assert event['grown_change'][0] <= 1e-5


def test_heads_are_compared_by_what_they_give(evolving, train):
    _, path = evolving('mmseg', scope='decode_head')
    history = read(train(path))['dyrep']['history']
    assert history[0]['grown'].startswith('decode_head.')
    frozen, trained = history[0]['grown_change']
    assert 0 < frozen <= 1e-5 and 0 < trained <= 2e-2


def test_an_optimizer_that_tells_nothing(evolving, train, monkeypatch, capsys):
    """PyTorch 2.1 does so once something was compiled."""
    monkeypatch.setattr(torch.optim.Optimizer, 'register_step_pre_hook',
                        lambda self, hook: self)
    with pytest.raises(SystemExit):
        train(evolving('mmpretrain')[1])
    assert 'has not seen a step of the optimizer' in capsys.readouterr().err


def nan_config(evolving, host='mmseg', **options):
    """Return a config whose images become NaN, as they are divided by 0."""
    cfg, path = evolving(host, **options)
    cfg.model.data_preprocessor.update(mean=[0.] * 3, std=[0.] * 3)
    cfg.dump(path)
    return path


def warnings_of(folder):
    log = ''.join(p.read_text() for p in sorted(folder.glob('*/*.log')))
    return [x for x in log.splitlines() if 'DyRep at iteration' in x]


def test_images_that_are_not_finite_stop_growth(evolving, train, tmp_path):
    """The log says it once; the training goes on, also after resuming."""
    path = nan_config(evolving)
    first = train(path, 'run', 'iter_6.pth')
    told = warnings_of(tmp_path / 'run')
    assert len(told) == 1 and 'WARNING' in told[0]
    for words in ('iteration 3', 'not finite', 'no more', 'goes on'):
        assert words in told[0]
    for checkpoint in (read(first), read(tmp_path / 'run/iter_12.pth')):
        assert checkpoint['dyrep']['history'] == []
        assert 'not finite' in checkpoint['dyrep']['stopped']
        assert not any('branches' in name for name in checkpoint['state_dict'])
    train(path, 'again', 'iter_12.pth', '--resume', first)
    told = warnings_of(tmp_path / 'again')
    assert len(
        told) == 1 and '(resumed)' in told[0] and 'iteration 3' in told[0]
    last = read(tmp_path / 'again/iter_12.pth')
    assert last['meta']['iter'] == 12
    assert last['dyrep']['stopped'] == read(first)['dyrep']['stopped']


def test_calibration_that_is_not_finite_is_taken_back(evolving, train,
                                                      monkeypatch, tmp_path):
    """Optimizer and weights continue as if DyRep were not there."""
    _, path = evolving('mmseg', hooks=[dict(type='EMAHook', momentum=0.5)])
    measure = growing.measure

    def broken(*args):
        check_finite('statistics', [torch.tensor(math.nan)])
        return measure(*args)

    monkeypatch.setattr(growing, 'measure', broken)
    stopped = read(train(path))
    assert warnings_of(tmp_path / 'run')
    monkeypatch.undo()
    cfg = Config.fromfile(path)
    cfg.custom_hooks = cfg.custom_hooks[1:]
    cfg.dump(path)
    without = read(train(path, 'without'))
    for part in ('state_dict', 'ema_state_dict'):
        assert stopped[part].keys() == without[part].keys()
        for name, tensor in without[part].items():
            assert torch.equal(stopped[part][name], tensor), name
    states = [c['optimizer']['state'] for c in (stopped, without)]
    assert states[0].keys() == states[1].keys()
    for i, state in states[1].items():
        assert torch.equal(states[0][i]['momentum_buffer'],
                           state['momentum_buffer'])


@pytest.mark.parametrize('seed', [-1, 2**32 - 1, 2**40, 10**30])
def test_seeds_of_any_size(seed, evolving, train):
    _, path = evolving(
        'mmpretrain', seed=seed, branches=['1x1'], interval=1, stop=2)
    checkpoint = read(
        train(path, 'run', 'iter_2.pth', '--cfg-options',
              'train_cfg.max_iters=2', 'default_hooks.checkpoint.interval=2'))
    assert checkpoint['dyrep']['seed'] == seed
    assert [event['step']
            for event in checkpoint['dyrep']['history']] == [1, 2]


def test_an_event_waits_for_a_step():
    """No step is made while scaled gradients overflow."""
    hook = DyRepHook(interval=1, stop=4)
    evolved = []
    wrapper = SimpleNamespace(loss_scaler=1, should_update=lambda: True)
    runner = SimpleNamespace(iter=0, epoch=0, optim_wrapper=wrapper)
    hook.schedule.fit(False, None, 4)
    hook.course = course = Course(Evolution(nn.Identity()), 2)
    course.scores = SimpleNamespace(calls=0, steps=torch.zeros(()))
    course.evolve = lambda training, step: evolved.append(training.iter)
    for runner.iter in range(3):
        course.scores.steps += runner.iter == 2
        hook.after_train_iter(runner, runner.iter)
    assert evolved == [2] and not course.due
    course.scores.steps.zero_()
    for _ in range(PATIENCE):
        runner.iter = 3
        hook.after_train_iter(runner, 3)
    assert evolved == [2, 3]


def test_a_damaged_state_is_refused(evolving, train, load_tool, capsys,
                                    tmp_path):
    _, path = evolving('mmpretrain', branches=['1x1'])
    checkpoint = torch.load(
        train(path, 'run', 'iter_6.pth', '--cfg-options',
              'train_cfg.max_iters=6', 'custom_hooks.0.stop=6'),
        weights_only=False)
    checkpoint['dyrep'] = {}
    bad = str(tmp_path / 'bad.pth')
    torch.save(checkpoint, bad)
    message = error_of(load_tool, capsys, path, tmp_path / 'again', '--resume',
                       bad)
    assert 'damaged `dyrep`' in message


def test_a_hook_among_the_defaults(evolving, load_tool, capsys, tmp_path):
    cfg, path = evolving('mmseg')
    cfg.default_hooks.dyrep = dict(type='DyRepHook', scope='bakbone')
    cfg.custom_hooks = []
    cfg.dump(path)
    message = error_of(load_tool, capsys, path, tmp_path / 'run')
    assert "'bakbone'" in message
