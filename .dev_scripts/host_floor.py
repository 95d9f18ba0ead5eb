"""Print what steps like those of host_time.py cost at least.

Usage: host_floor.py DEPTH KIND... with kinds OREPA, DBB, RepVGG. Where kernels
are made (OREPA, and all kinds with norms in eval mode) they cost nothing here:
a plain net trains beside the further parameters of the kind, whose gradients
are there at once. Where norms train, each block makes the calls of PyTorch
that its formula has, and no more: DBB's borders, and the identity that its
first kernels are added to, are left out.
"""
import torch
from host_time import compare, net_of, parser_of
from torch import nn
from torch.nn.functional import avg_pool2d

from mmrep import BranchedConv2d


class Free(torch.autograd.Function):
    """Zero, whose gradients are there at once."""

    @staticmethod
    def forward(ctx, *tensors):
        ctx.sizes = list(map(len, tensors))
        return tensors[0].new_zeros(())

    @staticmethod
    def backward(ctx, grad):
        return torch.zeros(sum(ctx.sizes)).split(ctx.sizes)


class Beside(nn.Module):
    """A plain net beside further parameters, which are laid out in a row."""

    def __init__(self, net, further):
        super().__init__()
        self.net = net
        self.further = nn.ParameterList(p.detach().flatten() for p in further)
        self.tensors = [*self.further]

    def forward(self, x):
        return self.net(x)[0] + Free.apply(*self.tensors),


def with_free_kernels(kind, args):
    """Return a plain net beside the parameters that a kind adds to it."""
    net = net_of('plain', args)
    plain = dict(net.named_parameters())
    rich = net_of(kind, args).named_parameters()
    return Beside(net, [p for name, p in rich if name not in plain])


def bare_norm(norm):
    """Return a norm that trains as a function, without its module."""
    args = (norm.weight, norm.bias, norm.running_mean, norm.running_var, True,
            norm.momentum, norm.eps, True)

    def run(x):
        norm.num_batches_tracked.add_(1)
        return torch.batch_norm(x, *args)

    return run


def bare_conv(block, weight, is_last=True):
    """Return a convolution in a block as a function."""
    size = weight.shape[-1]
    args = (1, 0, 1, 1)
    if is_last:
        edge = block.padding[0] - (block.kernel_size[0] - size) // 2
        args = (block.stride, edge, block.dilation, block.groups)
    return lambda x: torch.conv2d(x, weight, None, *args)


def bare_branch(name, branch, block):
    """Return the steps of a branch as functions."""
    norm = bare_norm(branch.norm)
    if name == 'identity':
        return [norm]
    if name == '1x1':
        return [bare_conv(block, branch.weight), norm]
    first = [
        bare_conv(block, branch.first, False),
        bare_norm(branch.first_norm)
    ]
    if name == '1x1_kxk':
        return [*first, bare_conv(block, branch.second), norm]
    return [
        *first, lambda x: avg_pool2d(x, block.kernel_size, block.stride, block.
                                     padding), norm
    ]


def bare(block):
    """Return the forward of a block of BN branches as calls of PyTorch."""
    own = [bare_conv(block, block.weight), bare_norm(block.norm)]
    branches = [own] + [
        bare_branch(name, branch, block)
        for name, branch in block.branches.items()
    ]

    def forward(x):
        total = None
        for steps in branches:
            y = x
            for step in steps:
                y = step(y)
            total = y if total is None else total + y
        return total

    return forward


def floor_of(kind, args):
    """Return the net that stands for a kind."""
    if kind == 'OREPA' or args.frozen:
        return with_free_kernels(kind, args)
    net = net_of(kind, args)
    for block in net.modules():
        if isinstance(block, BranchedConv2d):
            block.forward = bare(block)
    return net


def main():
    args = parser_of(__doc__).parse_args()
    nets = {kind: floor_of(kind, args) for kind in args.kinds}
    compare(dict(plain=net_of('plain', args), **nets), args)


if __name__ == '__main__':
    main()
