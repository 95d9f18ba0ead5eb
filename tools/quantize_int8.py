"""Quantise a fused net of a host to INT8 and measure its accuracy.

CONFIG and FUSED are the files that tools/fuse.py wrote, or the config and the
checkpoint of the training form, which is fused first. The tool exports the
whole net (detector, segmentor or classifier) to ONNX, quantises it after
training (static, QDQ) with images of the training set, and evaluates it before
and after on the validation set with the config's own evaluator. OUT is the
INT8 file with a scale for each channel of the weights.
"""
import argparse
import os.path as osp
import sys
from functools import partial
from pathlib import Path

from mmengine.logging import print_log
from rich.console import Console
from rich.table import Table

from mmrep.atomic import check_destination, write_json, write_together
from mmrep.cli import UserError, add_checkpoint_arguments, report_errors
from mmrep.cli.calibration import LOADER, calibration_images, check_sizes
from mmrep.cli.evaluating import check_evaluable, loader_of, progress
from mmrep.cli.numbers import check_at_least_one
from mmrep.deploy.int8_evaluate import evaluate
from mmrep.deploy.int8_layers import activation_rows, weight_rows
from mmrep.deploy.int8_quantize import METHODS, quantize
from mmrep.deploy.nets import exportable, load_nets, reference_of
from mmrep.deploy.onnx_check import need_packages
from mmrep.deploy.onnx_export import export
from mmrep.deploy.served import check_served, served
from mmrep.deploy.served_net import open_net
from mmrep.pictures.files import check_picture, writer
from mmrep.pictures.ranges import draw_ranges

LOOKED_AT = 8  # number of images whose activations are measured
console = Console(width=140)


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config, fused or of the training form')
    parser.add_argument('fused', help='its checkpoint')
    parser.add_argument('out', help='INT8 file to write, *.onnx')
    parser.add_argument(
        '--images',
        type=int,
        default=64,
        help='number of training images to calibrate with; default: 64')
    parser.add_argument(
        '--calibration',
        choices=sorted(METHODS),
        default='minmax',
        help='method that finds the ranges of activations; default: minmax')
    parser.add_argument('--json', help='JSON file to write all numbers to')
    parser.add_argument(
        '--picture',
        help='picture to draw of the ranges of each layer, *.png or *.svg')
    add_checkpoint_arguments(parser)
    return parser.parse_args(argv)


def check(args):
    """Refuse arguments that cannot be measured or written."""
    need_packages()
    check_at_least_one(images=args.images)
    outs = {'OUT': args.out, '--json': args.json, '--picture': args.picture}
    outs = {name: path for name, path in outs.items() if path is not None}
    for name, path in outs.items():
        check_destination(path, (args.config, args.fused), name, 'quantised')
    if not args.out.endswith('.onnx'):
        raise UserError(f'OUT (={args.out!r}) must end in .onnx')
    if args.picture:
        check_picture(args.picture, '--picture')
    if len(set(map(osp.realpath, outs.values()))) < len(outs):
        raise UserError(f'{", ".join(outs)} must be different files')


def accuracies(nets, files):
    """Return the evaluator's metrics of each file, by its name."""
    loader = loader_of(nets.cfg, LOADER)
    return {
        name:
        evaluate(nets.cfg, served(nets.plain, open_net(data)), loader,
                 progress(console, f'evaluate {name}'))
        for name, data in files.items()
    }


def layers_of(data, images):
    """Describe the weights and activations of each convolution."""
    rows = weight_rows(data)
    images = images[:LOOKED_AT]
    found = activation_rows(data, [row['input'] for row in rows], images)
    return [{**row, **found[row['input']]} for row in rows]


def table_of_accuracy(scores):
    """Return a table with a row for each file."""
    table = Table(title='validation set')
    metrics = list(next(iter(scores.values())))
    for column in ('', *metrics):
        table.add_column(column)
    for name, found in scores.items():
        table.add_row(name, *(f'{found[metric]:.3f}' for metric in metrics))
    return table


def table_of_layers(rows):
    """Return a table with a row for each convolution."""
    table = Table(title='convolutions; signal over the noise of 8 bits in dB')
    table.add_column('layer', overflow='fold')
    for column in ('largest\nweight', 'std', 'spread of\nchannels',
                   'weights,\nper tensor', 'weights,\nper channel',
                   'largest\ninput', 'input'):
        table.add_column(column, justify='right', no_wrap=True)
    for row in rows:
        table.add_row(row['layer'], f"{row['max_abs']:.3f}",
                      f"{row['std']:.4f}", f"{row['spread']:.1f}",
                      f"{row['weights_per_tensor']:.1f}",
                      f"{row['weights_per_channel']:.1f}",
                      f"{max(row['high'], -row['low']):.2f}",
                      f"{row['activations']:.1f}")
    return table


def writers_of(args, data, found):
    """Return a function for each file to write, by its path."""
    writers = {args.out: lambda path: Path(path).write_bytes(data)}
    if args.json:
        writers[args.json] = partial(write_json, found)
    if args.picture:
        figure = draw_ranges(osp.basename(args.fused), found['layers'])
        writers[args.picture] = writer(figure, args.picture)
    return writers


@report_errors
def main(argv=None):
    """Export, quantise and evaluate a net, measure its layers, write."""
    args = parse_args(argv)
    check(args)
    nets = load_nets(
        args.config, args.fused, ema=args.ema, trusted=args.trust_checkpoint)
    check_evaluable(nets.cfg, ('train_dataloader', LOADER, 'val_evaluator'))
    images = calibration_images(nets.cfg, nets.plain.data_preprocessor,
                                args.images)
    check_sizes(images, args.calibration)
    exported = export(
        exportable(nets, 'whole'), reference_of(nets, 'whole'),
        (2, *images[0].shape[1:]))
    check_served(nets.plain, open_net(exported.data), images)
    files = {'float32': exported.data}
    for name in ('per channel', 'per tensor'):
        follow = progress(console, f'calibrate, INT8 {name}')
        files[f'INT8 {name}'] = quantize(exported.data, follow(images),
                                         name == 'per channel',
                                         args.calibration)
    found = dict(
        config=args.config,
        images=len(images),
        calibration=args.calibration,
        scores=accuracies(nets, files),
        layers=layers_of(exported.data, images))
    console.print(table_of_layers(found['layers']))
    console.print(table_of_accuracy(found['scores']))
    data = files['INT8 per channel']
    write_together(writers_of(args, data, found))
    print_log(
        f'wrote {args.out}, INT8 per channel, {len(data) / 2**20:.2f} MiB '
        f'(float32 {len(exported.data) / 2**20:.2f} MiB), calibrated with '
        f'{len(images)} images by {args.calibration}', 'current')


if __name__ == '__main__':
    main(sys.argv[1:])
