"""The nets of a comparison differ in what is compared and in nothing else."""
from pathlib import Path

import pytest
from mmengine.config import Config

FOLDER = Path(__file__).parents[2] / 'configs/does_it_pay'
TASKS = ('seg', 'det', 'cls', 'digits')
NETS = ('plain_r18', 'orepa_r18', 'dbb_r18', 'dyrep_r18', 'plain_vgg',
        'repvgg')
RESNETS = dict(orepa_r18='OREPAResNet', dbb_r18='DBBResNet')


@pytest.fixture(scope='module')
def configs():
    """All configs as plain dicts, by task and net."""
    return {
        (task, net): Config.fromfile(FOLDER / f'{task}_{net}.py').to_dict()
        for task in TASKS
        for net in NETS
    }


def test_the_folder_has_every_task_and_net():
    assert {path.stem
            for path in FOLDER.glob('*.py')
            } == {f'{task}_{net}'
                  for task in TASKS
                  for net in NETS}


def without_what_is_compared(cfg):
    """Return a copy without backbone, hooks, rules of decay and widths."""
    left = {k: v for k, v in cfg.items() if k != 'custom_hooks'}
    left['optim_wrapper'] = {
        k: v
        for k, v in cfg['optim_wrapper'].items() if k != 'paramwise_cfg'
    }
    left['model'] = {k: v for k, v in cfg['model'].items() if k != 'backbone'}
    behind = 'neck' if 'FPN' in cfg['model']['neck']['type'] else 'head'
    left['model'][behind] = {
        k: v
        for k, v in cfg['model'][behind].items() if k != 'in_channels'
    }
    return left


@pytest.mark.parametrize('task', TASKS)
@pytest.mark.parametrize('net', NETS[1:])
def test_the_rest_is_equal(configs, task, net):
    plain, other = configs[task, 'plain_r18'], configs[task, net]
    assert without_what_is_compared(other) == without_what_is_compared(plain)


def backbone(cfg, *without):
    return {
        k: v
        for k, v in cfg['model']['backbone'].items() if k not in without
    }


@pytest.mark.parametrize('task', TASKS)
def test_backbones_differ_in_their_blocks_alone(configs, task):
    kinds = ('type', 'norm_behind')
    plain = configs[task, 'plain_r18']
    assert plain['model']['backbone']['type'] == 'ResNet'
    for net, kind in RESNETS.items():
        rich = configs[task, net]
        assert rich['model']['backbone']['type'] == kind
        assert backbone(rich, *kinds) == backbone(plain, *kinds)
    assert backbone(configs[task, 'dyrep_r18']) == backbone(plain)
    vgg, repvgg = configs[task, 'plain_vgg'], configs[task, 'repvgg']
    assert backbone(vgg, 'conv_cfg') == backbone(repvgg)
    assert vgg['model']['backbone']['conv_cfg']['branches'] == ()
    assert (vgg['model']['backbone']['base_channels'] ==
            plain['model']['backbone']['base_channels'] == 16)


@pytest.mark.parametrize('task', TASKS)
def test_everything_trains_from_scratch(configs, task):
    for net in NETS:
        cfg = configs[task, net]
        part = cfg['model']['backbone']
        assert cfg.get('load_from') is None
        assert cfg['model'].get('pretrained') is None
        assert part.get('init_cfg') is None and not part.get('norm_eval')
        assert part.get('frozen_stages', -1) == -1


@pytest.mark.parametrize('task', TASKS)
def test_eight_events_in_the_first_four_fifths(configs, task):
    hook, = configs[task, 'dyrep_r18']['custom_hooks']
    iterations = configs[task, 'dyrep_r18']['train_cfg']['max_iters']
    assert hook['stop'] // hook['interval'] == 8
    assert hook['stop'] == 0.8 * iterations
    assert 'custom_hooks' not in configs[task, 'plain_r18']


def test_a_run_is_one_process(configs):
    for cfg in configs.values():
        for loader in ('train_dataloader', 'val_dataloader',
                       'test_dataloader'):
            assert cfg[loader]['num_workers'] == 0
            assert not cfg[loader]['persistent_workers']


def test_five_validations_and_two_checkpoints(configs):
    for cfg in configs.values():
        iterations = cfg['train_cfg']['max_iters']
        assert iterations == 5 * cfg['train_cfg']['val_interval']
        keep = cfg['default_hooks']['checkpoint']
        assert iterations == 2 * keep['interval']
        assert keep['max_keep_ckpts'] == 2
        assert cfg['param_scheduler'][1]['end'] == iterations
