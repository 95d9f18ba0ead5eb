"""Print the host's time of training steps of ResNets with tiny features.

Usage: host_time.py DEPTH KIND... with kinds OREPA, DBB, RepVGG. The steps of
the plain net and of all kinds take turns, with one thread, SGD with momentum
in a single group and no norms behind blocks of BN branches.
"""
import argparse
import statistics
import time

import torch
from mmpretrain.models import ResNet

import mmrep


def net_of(kind, args):
    """Return a net of a kind, or a plain one, in training mode."""
    options = dict(
        base_channels=args.channels,
        stem_channels=args.channels,
        out_indices=(3, ),
        norm_eval=args.frozen)
    if kind == 'plain':
        net = ResNet(args.depth, **options)
    else:
        if kind != 'OREPA':
            options.update(norm_behind=False)
        net = getattr(mmrep, f'{kind}ResNet')(args.depth, **options)
    net.train()  # some hosts return nothing
    return net


def optimizer_of(net, args):
    """Return an optimizer that leaves the weights as they are."""
    return torch.optim.SGD(
        net.parameters(),
        lr=1e-20,
        momentum=0.9,
        weight_decay=1e-4,
        fused=args.fused)


def step(net, optimizer, x):
    """Return the seconds of forward, backward and optimizer."""
    ends = [time.perf_counter()]
    loss = net(x)[0].mean()
    ends.append(time.perf_counter())
    loss.backward()
    ends.append(time.perf_counter())
    optimizer.step()
    optimizer.zero_grad()
    ends.append(time.perf_counter())
    return [end - start for start, end in zip(ends, ends[1:])]


def parser_of(description):
    """Return a parser of the arguments that all measurements share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('depth', type=int, choices=[18, 34, 50, 101, 152])
    parser.add_argument('kinds', nargs='+', choices=['OREPA', 'DBB', 'RepVGG'])
    parser.add_argument('--frozen', action='store_true', help='norms in eval')
    parser.add_argument('--channels', type=int, default=4)
    parser.add_argument('--fused', action='store_true', help='fused SGD')
    parser.add_argument('--rounds', type=int, default=60)
    return parser


def compare(nets, args):
    """Print the medians of the steps of nets by name, the plain one first."""
    torch.set_num_threads(1)
    made = {name: (net, optimizer_of(net, args)) for name, net in nets.items()}
    x, laps = torch.randn(2, 3, 32, 32), {name: [] for name in made}
    for i in range(args.rounds + 3):
        for name, parts in made.items():
            lap = step(*parts, x)
            if i > 2:  # the first ones make plans and compile
                laps[name].append(lap)
    plain = statistics.median(map(sum, laps['plain']))
    for name, found in laps.items():
        parts = ' + '.join(f'{statistics.median(part) * 1e3:.2f}'
                           for part in zip(*found))
        whole = statistics.median(map(sum, found))
        print(f'{name:6} {parts} = {whole * 1e3:.2f} ms, '
              f'ratio {whole / plain:.2f}')


def main():
    parser = parser_of(__doc__)
    parser.add_argument(
        '--kernels',
        default='batched',
        choices=['apart', 'batched', 'compiled'])
    args = parser.parse_args()
    nets = {kind: net_of(kind, args) for kind in ['plain', *args.kinds]}
    for kind in args.kinds:
        mmrep.batch_kernels(nets[kind], args.kernels != 'apart',
                            args.kernels == 'compiled')
    compare(nets, args)


if __name__ == '__main__':
    main()
