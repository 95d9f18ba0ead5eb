"""Train the model of a config of mmdet, mmseg or another host."""
import argparse
import copy

from mmengine.device import get_device
from mmengine.optim import build_optim_wrapper
from mmengine.runner import find_latest_checkpoint

from mmrep import KeepKernelsHook, ParameterCheckHook
from mmrep.backbones.freezing import half_frozen
from mmrep.checkpoints.pretrained import check_load_from, check_pretrained
from mmrep.checkpoints.resume import check_fits, check_resumable
from mmrep.checkpoints.safe_load import read_checkpoint
from mmrep.cli import (UserError, add_common_arguments, build_model,
                       build_runner, check_checkpoint_matches, check_datasets,
                       leave_group, one_line, prepare_config, prepare_launcher,
                       report_errors)
from mmrep.cli.dyrep import hook_of
from mmrep.cli.resuming import latest_checkpoint, warn_of_losses
from mmrep.dyrep.state import check_state
from mmrep.nets.walk import rep_layers


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    add_common_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from a checkpoint, without one from the latest in the '
        'work dir')
    parser.add_argument(
        '--amp', action='store_true', help='train in mixed precision')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate with the batch size')
    return parser.parse_args(argv)


def set_resume(cfg, resume):
    """Put ``--resume`` into the config."""
    if resume is not None:
        cfg.resume = True
        cfg.load_from = None if resume == 'auto' else resume


def set_amp(cfg):
    """Switch to mixed precision."""
    wrapper = cfg.optim_wrapper
    kind = wrapper.setdefault('type', 'OptimWrapper')
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise UserError("--amp needs `optim_wrapper.type` 'OptimWrapper', "
                        f'config {cfg.filename!r} has {kind!r}')
    wrapper.type = 'AmpOptimWrapper'
    wrapper.setdefault('loss_scale', 'dynamic')


def set_auto_scale_lr(cfg):
    """Switch on the scaling of the learning rate."""
    if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
        raise UserError('--auto-scale-lr needs `auto_scale_lr='
                        f'dict(base_batch_size=...)` in config '
                        f'{cfg.filename!r}')
    cfg.auto_scale_lr.enable = True


def check_trainable(cfg):
    """Refuse a config that has nothing to train, or not on this machine."""
    for name in ('train_dataloader', 'train_cfg', 'optim_wrapper'):
        if not cfg.get(name):
            raise UserError(f'config {cfg.filename!r} has no `{name}`')
    if (cfg.optim_wrapper.get('type') == 'AmpOptimWrapper'
            and get_device() in ('cpu', 'mps')):
        raise UserError('mixed precision (--amp, AmpOptimWrapper) needs a '
                        f'GPU: the device here is {get_device()!r}')


def check_modules(cfg, model):
    """Refuse what hosts and mmengine would do to layers in a wrong way."""
    if cfg.get('efficient_conv_bn_eval') and any(rep_layers(model)):
        raise UserError(
            '`efficient_conv_bn_eval` takes convolutions for their `weight` '
            'alone and cannot be used with re-parameterized layers, which are '
            'one convolution under frozen norms anyway: leave it out')
    model.train()  # hosts say by it what trains
    frozen = half_frozen(model)
    if frozen:
        raise UserError(
            f'`frozen_stages` of the host fixes {frozen[0]!r} but not the '
            'statistics of the norms inside of it: set `norm_eval=True`, '
            '`frozen_stages=-1`, or take a backbone of mmrep')


def check_evolving(cfg, model):
    """Refuse a DyRepHook with which nothing could grow."""
    hook = hook_of(cfg)
    if hook is not None:
        hook.check(model, cfg)


def check_optimizer(cfg, model):
    """Build the optimizer, which is refused before the work dir is made."""
    try:
        return build_optim_wrapper(model, copy.deepcopy(cfg.optim_wrapper))
    except Exception as error:  # whatever a constructor raises
        raise UserError(
            f'cannot build the `optim_wrapper` of config {cfg.filename!r}, '
            f"optimizer {cfg.optim_wrapper.get('optimizer')}: "
            f'{one_line(error)}') from error


def check_start(cfg, model, trusted):
    """Refuse to start from a checkpoint that is not fit for it."""
    check_pretrained(model, trusted)  # a Runner loads it, resumed or not
    if not cfg.get('resume'):
        # load_from may well bring only a part of the weights
        if cfg.get('load_from'):
            check_load_from(model, cfg.load_from, trusted)
        return
    path = cfg.get('load_from') or latest_checkpoint(cfg.work_dir, trusted)
    if path is None:
        return
    if not cfg.get('load_from') and path != find_latest_checkpoint(
            cfg.work_dir):
        cfg.load_from = path  # it was started from another folder
    checkpoint, hook = read_checkpoint(path, trusted), hook_of(cfg)
    changed = check_checkpoint_matches(model, checkpoint['state_dict'])
    if changed and hook is None:
        raise UserError(
            f'cannot resume from {path!r}: its layers have other branches '
            "than the config's; build the backbone with type='Restructured' "
            'and this checkpoint as its `structure`')
    check_resumable(path, checkpoint, trusted)
    check_fits(path, checkpoint, cfg, check_optimizer(cfg, model))
    if hook is not None and checkpoint.get('dyrep') is not None:
        check_state(checkpoint['dyrep'])


@report_errors
def main(argv=None):
    """Check everything that can be known before, then train."""
    args = parse_args(argv)
    cfg = prepare_config(args)
    set_resume(cfg, args.resume)
    if args.auto_scale_lr:
        set_auto_scale_lr(cfg)
    if args.amp:
        set_amp(cfg)
    check_trainable(cfg)
    check_datasets(cfg, ('train_dataloader', 'val_dataloader'))
    model = build_model(cfg)
    check_modules(cfg, model)
    check_evolving(cfg, model)
    check_optimizer(cfg, model)
    check_start(cfg, model, args.trust_checkpoint)
    prepare_launcher(cfg, args.launcher, args.local_rank)
    runner = build_runner(cfg)
    warn_of_losses(cfg)
    runner.register_hook(ParameterCheckHook())
    runner.register_hook(KeepKernelsHook())
    runner.train()
    leave_group()


if __name__ == '__main__':
    main()
