"""Time the making of all OREPA kernels of a model, forward and backward.

Three forms run in turn: branch by branch, mmrep's contraction, and the large
matrix products alone, which every form needs.
"""
import argparse
from functools import partial

import torch
from mmengine.device import get_device
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from mmrep import OREPAConv2d
from mmrep import kernel as K
from mmrep.cli import build_model, load_config, report_errors
from mmrep.cli.errors import UserError
from mmrep.cli.numbers import check_at_least_one
from mmrep.measure.timing import alternate

console = Console(width=110)


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'config', help="config file; a host's own one as mmdet::NAME.py")
    parser.add_argument(
        '--rounds',
        type=int,
        default=5,
        help='number of timed rounds of each form; default: 5')
    return parser.parse_args(argv)


def orepa_layers(path):
    """Return the OREPA layers of a config's model that have branches.

    Raises:
        UserError: The model has no such layer.
    """
    model = build_model(load_config(path)).to(get_device())
    layers = [m for m in model.modules() if isinstance(m, OREPAConv2d)]
    # the factors of a stem's kernel are layers themselves
    layers = [m for m in layers if m.branches and 'stem' not in m.names]
    if not layers:
        raise UserError(f'config {path!r} has no OREPAConv2d with branches: '
                        'there is nothing to time')
    return layers


def straightforward(layer):
    """Return the sum of the scaled kernels of all branches."""
    return K.add(*layer.branch_kernels()).weight


def contracted(layer):
    """Return the kernel as training makes it."""
    return layer.kernel().weight


def make_kernels(layers, form, gradients):
    """Make all kernels, forward and backward."""
    kernels = [form(layer) for layer in layers]
    torch.autograd.backward(kernels, gradients)
    for layer in layers:
        layer.zero_grad()


def products_of(layer):
    """Return the matrices of a layer's large product, None without one."""
    for name in ('1x1_kxk', 'product'):
        if name in layer.branches:
            branch = layer.branches[name]
            return branch.term().matrices(
                [factor.detach() for factor in branch.term_factors()])
    return None


def multiply(matrices):
    """Multiply each pair of matrices, and those of its two gradients."""
    for first, second in matrices:
        out = torch.bmm(second, first)
        torch.bmm(out, first.transpose(1, 2))
        torch.bmm(second.transpose(1, 2), out)


@report_errors
def main(argv=None):
    """Time the forms and print the table."""
    args = parse_args(argv)
    check_at_least_one(rounds=args.rounds)
    layers = orepa_layers(args.config)
    matrices = [m for m in map(products_of, layers) if m is not None]
    gradients = [torch.randn_like(layer.weight) for layer in layers]
    calls = {
        'branch by branch':
        partial(make_kernels, layers, straightforward, gradients),
        'contracted':
        partial(make_kernels, layers, contracted, gradients),
        'products alone':
        partial(multiply, matrices),
    }
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task('rounds', total=len(calls) * (args.rounds + 1))
        seconds = alternate([*calls.values()], args.rounds,
                            partial(bar.advance, task))
    macs = 3 * sum(second[..., 0].numel() * first.numel() / len(first)
                   for first, second in matrices)
    table = Table(
        title=f'{args.config}: {len(layers)} kernels, forward and backward, '
        f'{get_device()}, {torch.get_num_threads()} threads, PyTorch '
        f'{torch.__version__}',
        caption=f'products: {macs / 1e9:.1f} G multiply-adds')
    for column in ('form', 'seconds', 'ratio'):
        table.add_column(column, no_wrap=True)
    for name, taken in zip(calls, seconds):
        table.add_row(name, f'{taken:.3f}', f'{taken / seconds[1]:.2f}')
    console.print(table)


if __name__ == '__main__':
    main()
