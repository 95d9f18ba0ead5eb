"""Quantise a fused net of a host to INT8 and measure its accuracy.

CONFIG and FUSED are the files that tools/fuse.py wrote, or the config and the
checkpoint of the training form, which is fused first. The tool exports the
whole net (detector, segmentor or classifier) to ONNX, quantises it after
training (static, QDQ) with images of the training set, and evaluates it before
and after on the validation set with the config's own evaluator. OUT is the
INT8 file with a scale for each channel of the weights, an ONNX file for both
runtimes.
"""
import argparse
import os.path as osp
import sys
from functools import partial
from pathlib import Path

from mmengine.logging import print_log
from rich.console import Console

from mmrep.atomic import check_destination, write_json, write_together
from mmrep.cli import UserError, add_checkpoint_arguments, report_errors
from mmrep.cli.calibration import LOADER, calibration_images, check_sizes
from mmrep.cli.evaluating import check_evaluable, loader_of, progress
from mmrep.cli.int8_tables import table_of_accuracy, table_of_layers
from mmrep.cli.numbers import check_at_least_one
from mmrep.export.nets import comparison_of, exportable, load_nets
from mmrep.export.onnx_export import export
from mmrep.export.onnx_session import need
from mmrep.inference.int8_evaluate import evaluate
from mmrep.inference.int8_layers import activation_rows, weight_rows
from mmrep.inference.int8_openvino import PACKAGES, quantize_openvino
from mmrep.inference.int8_quantize import METHODS, quantize
from mmrep.inference.runtimes import RUNTIMES
from mmrep.inference.served import check_served, served
from mmrep.inference.served_net import open_net
from mmrep.pictures.files import check_picture, writer
from mmrep.pictures.ranges import draw_ranges

MINMAX, NNCF = 'minmax', 'nncf'
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
        '--runtime',
        choices=sorted(RUNTIMES),
        default='onnxruntime',
        help='runtime whose quantisation is taken and that computes the '
        'accuracy; openvino quantises by NNCF; default: onnxruntime')
    parser.add_argument(
        '--calibration',
        choices=sorted(METHODS),
        help='method by which onnxruntime finds the ranges of activations; '
        'default: minmax')
    parser.add_argument('--json', help='JSON file to write all numbers to')
    parser.add_argument(
        '--picture',
        help='picture to draw of the ranges of each layer, *.png or *.svg')
    add_checkpoint_arguments(parser)
    return parser.parse_args(argv)


def check(args):
    """Refuse arguments that cannot be measured or written."""
    uses_nncf = args.runtime == 'openvino'
    if uses_nncf and args.calibration:
        raise UserError(
            f'--calibration (={args.calibration!r}) is for onnxruntime: leave '
            'it out with --runtime openvino, which has a method of its own')
    need()
    if uses_nncf:
        need(('openvino', *PACKAGES))
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


def method_of(args):
    """Return the name of the method that finds the ranges of activations."""
    return NNCF if args.runtime == 'openvino' else args.calibration or MINMAX


def quantized(args, data, images):
    """Return the INT8 files by name; the first is the one to write."""
    if args.runtime == 'openvino':
        with console.status('calibrate, INT8'):
            return {'INT8': quantize_openvino(data, images)}
    files = {}
    for name in ('per channel', 'per tensor'):
        follow = progress(console, f'calibrate, INT8 {name}')
        files[f'INT8 {name}'] = quantize(data,
                                         follow(images), name == 'per channel',
                                         method_of(args))
    return files


def accuracies(nets, files, runtime):
    """Return the evaluator's metrics of each file, by its name."""
    loader = loader_of(nets.cfg, LOADER)
    return {
        name:
        evaluate(nets.cfg, served(nets.plain, open_net(data, runtime)), loader,
                 progress(console, f'evaluate {name}'))
        for name, data in files.items()
    }


def layers_of(data, images):
    """Describe the weights and activations of each convolution."""
    rows = weight_rows(data)
    images = images[:LOOKED_AT]
    found = activation_rows(data, [row['input'] for row in rows], images)
    return [{**row, **found[row['input']]} for row in rows]


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
    check_sizes(images, method_of(args))
    part = exportable(nets, 'whole')
    exported = export(part, comparison_of(nets, part),
                      (2, *images[0].shape[1:]))
    check_served(nets.plain, open_net(exported.data), images)
    files = {
        'float32': exported.data,
        **quantized(args, exported.data, images)
    }
    found = dict(
        config=args.config,
        images=len(images),
        runtime=args.runtime,
        calibration=method_of(args),
        scores=accuracies(nets, files, args.runtime),
        layers=layers_of(exported.data, images))
    console.print(table_of_layers(found['layers']))
    console.print(table_of_accuracy(found['scores']))
    name, data = list(files.items())[1]
    write_together(writers_of(args, data, found))
    print_log(
        f'wrote {args.out}, {name}, {len(data) / 2**20:.2f} MiB '
        f'(float32 {len(exported.data) / 2**20:.2f} MiB), calibrated with '
        f'{len(images)} images by {method_of(args)}', 'current')


if __name__ == '__main__':
    main(sys.argv[1:])
