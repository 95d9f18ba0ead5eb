"""Evaluate a checkpoint of a config of mmdet, mmseg or another host."""
import argparse
import os.path as osp

from mmengine.evaluator import DumpResults

from mmrep import KeepKernelsHook
from mmrep.cli import (UserError, add_common_arguments, check_folder,
                       check_testing, launch_runner, leave_group,
                       prepare_config, report_errors)
from mmrep.cli.data import image_folders
from mmrep.cli.outputs import check_apart, check_file, check_outside

PICKLES = ('.pkl', '.pickle')
SHOWN = ('mmdet', 'mmseg', 'mmpretrain')


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file, fused or not')
    add_common_arguments(parser)
    parser.add_argument(
        '--out',
        help='.pkl file to write the predictions to; with mmseg also a folder '
        'to write label maps to')
    parser.add_argument(
        '--show-dir',
        help='folder to write images to, with the predictions drawn in')
    return parser.parse_args(argv)


def check_outputs(cfg, args):
    """Refuse outputs that cannot be written or would destroy an input."""
    folders = {'--work-dir': cfg.work_dir}
    if args.show_dir is not None:
        if cfg.default_scope not in SHOWN:
            raise UserError(
                '--show-dir draws what mmdet, mmseg and mmpretrain '
                f'predict, not {cfg.default_scope}: use the '
                'visualization hook of its config')
        folders['--show-dir'] = args.show_dir
        check_pictures(cfg, args.show_dir, '--show-dir')
    if args.out is None:
        return
    if args.out.endswith(PICKLES):
        check_file(args.out, (args.config, args.checkpoint), '--out',
                   'evaluated')
        check_apart(args.out, '--out', folders)
    elif cfg.default_scope == 'mmseg':
        check_pictures(cfg, args.out, '--out')
    else:
        raise UserError(f'--out (={args.out!r}) must be a .pkl file with '
                        f'{cfg.default_scope}')


def check_pictures(cfg, folder, name):
    """Refuse a folder that cannot be written or that images are read from."""
    check_folder(folder, name)
    check_outside(folder, name, image_folders(cfg.get('test_dataloader')))


def set_out(cfg, out):
    """Let mmseg's metrics write label maps into a folder."""
    if out and not out.endswith(PICKLES):
        evaluator = cfg.test_evaluator
        metrics = evaluator if isinstance(evaluator, list) else [evaluator]
        for metric in metrics:
            metric.output_dir = osp.abspath(out)


def dump_metric(cfg, out):
    """Build the metric that writes the predictions of a host to a file."""
    out = osp.realpath(out)  # the target of a link, whose folder is made
    if cfg.default_scope == 'mmdet':
        from mmdet.evaluation import DumpDetResults
        return DumpDetResults(out_file_path=out)
    return DumpResults(out_file_path=out)


def set_show_dir(cfg, show_dir):
    """Switch on the host's visualization hook for every image."""
    # mmdet's hook joins a relative folder to itself at each batch
    folder = osp.abspath(show_dir)
    hook, settings, visualizer = dict(
        mmdet=('DetVisualizationHook', dict(draw=True, test_out_dir=folder),
               'DetLocalVisualizer'),
        mmseg=('SegVisualizationHook', dict(draw=True), 'SegLocalVisualizer'),
        mmpretrain=('VisualizationHook', dict(enable=True, out_dir=folder),
                    'UniversalVisualizer'))[cfg.default_scope]
    for key in ('default_hooks', 'visualizer'):
        if cfg.get(key) is None:  # nothing can be merged into it
            cfg[key] = {}
    if cfg.default_hooks.get('visualization') is None:
        cfg.default_hooks.pop('visualization', None)
    override = dict(default_hooks=dict(visualization=settings))
    settings['interval'] = 1
    if 'visualization' not in cfg.default_hooks:
        settings['type'] = hook
    override['visualizer'] = {} if cfg.get('visualizer') else dict(
        type=visualizer)
    if cfg.default_scope == 'mmseg':  # its hook lets a backend write
        override['visualizer'].update(
            save_dir=folder, vis_backends=[dict(type='LocalVisBackend')])
    cfg.merge_from_dict(override)


@report_errors
def main(argv=None):
    """Check everything that can be checked before, then evaluate."""
    args = parse_args(argv)
    cfg = prepare_config(args)
    check_outputs(cfg, args)
    check_testing(cfg, args.checkpoint, args.trust_checkpoint)
    cfg.resume, cfg.load_from = False, args.checkpoint
    set_out(cfg, args.out)
    if args.show_dir:
        set_show_dir(cfg, args.show_dir)
    runner = launch_runner(cfg, args, KeepKernelsHook())
    if args.out and args.out.endswith(PICKLES):
        runner.test_evaluator.metrics.append(dump_metric(cfg, args.out))
    runner.test()
    leave_group()


if __name__ == '__main__':
    main()
