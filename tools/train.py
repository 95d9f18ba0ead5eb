"""Train the model of a config of mmdet, mmseg or another host."""
import argparse

from mmrep import KeepKernelsHook, ParameterCheckHook
from mmrep.cli import (add_common_arguments, check_training, launch_runner,
                       leave_group, prepare_config, report_errors)
from mmrep.cli.flags import set_flags
from mmrep.cli.resuming import warn_of_losses


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
        help='resume from a checkpoint; without CHECKPOINT, from the latest '
        'one in the work dir')
    parser.add_argument(
        '--amp', action='store_true', help='train in mixed precision')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate with the batch size, by the '
        '`auto_scale_lr` of the config')
    return parser.parse_args(argv)


def set_resume(cfg, resume):
    """Put ``--resume`` into the config."""
    if resume is not None:
        cfg.resume = True
        cfg.load_from = None if resume == 'auto' else resume


@report_errors
def main(argv=None):
    """Check everything that can be checked before, then train."""
    args = parse_args(argv)
    cfg = prepare_config(args)
    set_resume(cfg, args.resume)
    set_flags(cfg, args.amp, args.auto_scale_lr)
    check_training(cfg, args.trust_checkpoint)
    runner = launch_runner(cfg, args, ParameterCheckHook(), KeepKernelsHook())
    warn_of_losses(cfg)
    runner.train()
    leave_group()


if __name__ == '__main__':
    main()
