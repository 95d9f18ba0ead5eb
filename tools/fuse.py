"""Fuse a trained detector, segmentor or classifier to a plain one.

The tool compares the fused net with the training form. Then it writes OUT, a
checkpoint that stock hosts load, and the config that goes with it beside it.
"""
import argparse
import sys

from mmengine.logging import print_log

from mmrep import deploy
from mmrep.cli import add_checkpoint_arguments, report_errors
from mmrep.cli.working import working


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the net in training form')
    parser.add_argument('checkpoint', help='its trained checkpoint')
    parser.add_argument('out', help='fused checkpoint to write, *.pth')
    add_checkpoint_arguments(parser)
    parser.add_argument(
        '--image', help='image to compare on; default: a random input')
    return parser.parse_args(argv)


@report_errors
def main(argv=None):
    """Fuse the net and log the result."""
    args = parse_args(argv)
    with working('reading the config') as status:
        report = deploy.deploy(**vars(args), progress=status.update)
    print_log(
        f'fused {report.layers} layers, worst relative difference '
        f'{report.worst_difference:.1e}: wrote {report.checkpoint} and '
        f'{report.config}, which needs {report.needs}', 'current')


if __name__ == '__main__':
    main(sys.argv[1:])
