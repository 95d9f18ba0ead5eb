"""One sentence says what a Runner cannot build."""
import pytest
from mmengine.config import Config

from mmrep.cli import UserError, build_runner, runner
from mmrep.cli.runner import check_complete


def config(tiny, tmp_path, **options):
    cfg = Config.fromfile(tiny)
    cfg.work_dir = str(tmp_path)
    cfg.merge_from_dict(options)
    return cfg


@pytest.mark.parametrize('options, words', [
    ({
        'custom_hooks': [dict(type='GoneHook')]
    }, 'the Runner of config .*: KeyError: .*GoneHook'),
    ({
        'train_cfg': None
    }, 'the Runner of config .*: ValueError: train_dataloader, train_cfg'),
    ({
        'runner_type': 'GoneRunner'
    }, 'the Runner of config .*: KeyError: .*GoneRunner'),
])
def test_the_runner_itself(tiny_seg, tmp_path, options, words):
    with pytest.raises(UserError, match=f'^cannot build {words}') as error:
        build_runner(config(tiny_seg, tmp_path, **options))
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('name', [
    'train_dataloader', 'train_cfg', 'optim_wrapper', 'val_dataloader',
    'val_cfg', 'val_evaluator', 'test_dataloader', 'test_cfg', 'test_evaluator'
])
def test_what_belongs_together(tiny_seg, tmp_path, name):
    cfg = config(tiny_seg, tmp_path)
    check_complete(cfg)
    cfg[name] = None
    with pytest.raises(UserError, match=f'has no `{name}`: a Runner needs'):
        check_complete(cfg)
    for other in [n for n in cfg if n.split('_')[0] == name.split('_')[0]]:
        cfg[other] = None
    if not name.startswith(('train', 'optim')):
        check_complete(cfg)


@pytest.mark.parametrize('options, words', [
    ({
        'train_cfg.foo': 5
    }, '`train_cfg` or `train_dataloader` of config .*: TypeError: .*foo'),
    ({
        'train_dataloader.sampler.type': 'Gone'
    }, '`train_cfg` or `train_dataloader` of config .*: KeyError: .*Gone'),
    ({
        'optim_wrapper.optimizer.type': 'Gone'
    }, '`optim_wrapper` of config '),
    ({
        'param_scheduler.foo': 5
    }, '`param_scheduler` of config .*: TypeError: .*foo'),
    ({
        'auto_scale_lr': dict(enable=True)
    }, '`auto_scale_lr` of config .*: AssertionError: .*base_batch_size'),
    ({
        'val_evaluator.type': 'Gone'
    }, '`val_cfg`, `val_dataloader` or `val_evaluator` of config .*: KeyErr'),
    ({
        'model.decode_head.init_cfg': dict(type='Gone')
    }, '`init_cfg` of config .*: KeyError: .*Gone'),
], ids=str)  # yapf: disable
def test_when_it_begins_to_train(tiny_seg, tmp_path, options, words):
    built = build_runner(config(tiny_seg, tmp_path, **options))
    with pytest.raises(UserError, match=f'^cannot build {words}'):
        built.train()


def test_when_it_begins_to_test(tiny_seg, tmp_path):
    built = build_runner(config(tiny_seg, tmp_path, **{'test_cfg.foo': 5}))
    with pytest.raises(UserError, match='^cannot build `test_cfg`, '):
        built.test()


def test_errors_of_a_user_stay_as_they_are():

    def refuse():
        raise UserError('as it is')

    with pytest.raises(UserError, match='^as it is$'):
        runner._telling(None, refuse, 'anything')()
