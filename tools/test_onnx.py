"""Evaluate an ONNX file of a whole net by the evaluator of its config.

CONFIG is the config that the net was exported with, fused or of the training
form. Its `test_dataloader`, `test_evaluator` and the pre- and post-processing
of its model are used; no checkpoint is needed. NET is what
tools/export_onnx.py or tools/quantize_int8.py wrote. With --checkpoint the net
in torch is evaluated as well, and the differences are shown.
"""
import argparse
import math
import sys
from functools import partial

from mmengine.logging import print_log
from rich.console import Console
from rich.table import Table

from mmrep.atomic import check_destination, write_json, write_together
from mmrep.checkpoints.weights import read_weights
from mmrep.cli import (UserError, add_checkpoint_arguments, build_model,
                       load_config, report_errors)
from mmrep.cli.evaluating import check_evaluable, loader_of, progress
from mmrep.cli.options import add_override_argument
from mmrep.export.onnx_session import need
from mmrep.fusing.net import fuse
from mmrep.inference.int8_evaluate import evaluate, evaluator_of
from mmrep.inference.runtimes import RUNTIMES
from mmrep.inference.served import served
from mmrep.inference.served_net import open_net
from mmrep.nets.walk import rep_layers
from mmrep.structures.matching import load_in_eval

LOADER, EVALUATOR = 'test_dataloader', 'test_evaluator'
ROUNDING = 1e-9  # of differences of rounded metrics
console = Console(width=120)


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config, fused or of the training form')
    parser.add_argument('net', help='ONNX file of the whole net')
    parser.add_argument(
        '--runtime',
        choices=RUNTIMES,
        default='onnxruntime',
        help='runtime that computes the file; default: onnxruntime')
    parser.add_argument(
        '--checkpoint',
        help='checkpoint of the config, to evaluate the net in torch, too')
    parser.add_argument(
        '--tolerance',
        type=float,
        help='largest difference of a metric from that of --checkpoint, in '
        'the unit of the metric; exits with an error beyond it; default: none')
    parser.add_argument('--json', help='JSON file to write all numbers to')
    add_override_argument(parser)
    add_checkpoint_arguments(parser)
    return parser.parse_args(argv)


def check(args):
    """Refuse arguments that do not fit each other or cannot be written."""
    need(('onnx', args.runtime))
    if args.json is not None:
        inputs = [args.config, args.net, args.checkpoint or args.net]
        check_destination(args.json, inputs, '--json', 'evaluated')
    if args.tolerance is None:
        return
    if not args.checkpoint:
        raise UserError('--tolerance needs --checkpoint, whose metrics are '
                        'those to compare with')
    if not 0 <= args.tolerance < math.inf:
        raise UserError(f'--tolerance (={args.tolerance}) must be a number '
                        'that is not below 0')


def models_of(args, cfg):
    """Return the models to evaluate, by the names of what computes them."""
    net = open_net(args.net, args.runtime, LOADER, repr(args.net))
    models = {args.runtime: served(build_model(cfg).eval(), net)}
    if args.checkpoint:
        weights = read_weights(args.checkpoint, args.ema,
                               args.trust_checkpoint)
        model = load_in_eval(build_model(cfg), weights.state_dict)
        models['torch'] = fuse(model) if any(rep_layers(model)) else model
    return models


def differences_of(scores):
    """Return each metric of a runtime minus that of torch, if it is known."""
    if 'torch' not in scores:
        return {}
    found, expected = scores.values()
    return {name: difference(found[name], expected[name]) for name in found}


def difference(found, expected):
    """Return a metric minus another, 0 if neither is defined."""
    if math.isnan(found) and math.isnan(expected):
        return 0.
    return found - expected


def table_of(scores, differences):
    """Return a table with a row for each metric."""
    table = Table(title='test set')
    for column in ('metric', *scores, *['difference'] * bool(differences)):
        table.add_column(
            column, justify='left' if column == 'metric' else 'right')
    for name in next(iter(scores.values())):
        row = [f'{found[name]:.4f}' for found in scores.values()]
        if differences:
            row.append(f'{differences[name]:+.4f}')
        table.add_row(name, *row)
    return table


def check_differences(differences, tolerance):
    """Refuse a metric that differs from torch's by more than allowed."""
    if tolerance is None:
        return
    for name, value in differences.items():
        if not abs(value) <= tolerance + ROUNDING:
            raise UserError(
                f'{name} differs from that of torch by {value:+.4f}, more '
                f'than --tolerance (={tolerance}) allows')


@report_errors
def main(argv=None):
    """Check, evaluate, print, write, and compare with torch."""
    args = parse_args(argv)
    check(args)
    cfg = load_config(args.config, args.cfg_options)
    check_evaluable(cfg, (LOADER, EVALUATOR))
    models, loader = models_of(args, cfg), loader_of(cfg, LOADER)
    evaluator_of(cfg, EVALUATOR)  # before minutes of evaluation
    scores = {
        name:
        evaluate(cfg, model, loader,
                 progress(console, f'evaluate with {name}'), EVALUATOR)
        for name, model in models.items()
    }
    differences = differences_of(scores)
    console.print(table_of(scores, differences))
    if args.json is not None:
        found = dict(
            config=args.config,
            net=args.net,
            images=len(loader.dataset),
            scores=scores,
            differences=differences)
        write_together({args.json: partial(write_json, found)})
    check_differences(differences, args.tolerance)
    print_log(
        f'evaluated {args.net} with {args.runtime} on '
        f'{len(loader.dataset)} images of config {args.config}', 'current')


if __name__ == '__main__':
    main(sys.argv[1:])
