"""What all layouts of ResNets share: places of convolutions and norms."""
import math
import re
from typing import Optional

import torch
from torch import Tensor

from .renaming import StateDict, translate

EPS = 1e-5  # of torch's and all hosts' batch norms
NORM = ((r'(weight|bias|running_mean|running_var|num_batches_tracked)$',
         r'\1'), )
# of the official OREPA and DBB, last: a block that is no part of a net
CONVS = (
    (r'stage0\.conv1\.', 'conv1.'),
    (r'stage(\d+)\.(\d+)\.(conv\d)\.', r'layer\1.\2.\3.'),
    (r'stage(\d+)\.(\d+)\.shortcut\.', r'layer\1.\2.downsample.0.'),
    (r'', ''),
)
NORMS = (
    (r'stage0\.conv1\.bn\.', 'bn1.'),
    (r'stage(\d+)\.(\d+)\.conv(\d)\.bn\.', r'layer\1.\2.bn\3.'),
    (r'stage(\d+)\.(\d+)\.shortcut\.bn\.', r'layer\1.\2.downsample.1.'),
    (r'bn\.', 'bn.'),
)
# of torchvision and OpenMMLab
HOST_CONVS = (
    (r'conv1\.|layer\d+\.\d+\.(conv\d|downsample\.0)\.', r'\g<0>'),
    (r'', ''),
)
HOST_NORMS = ((r'bn1\.|layer\d+\.\d+\.(bn\d|downsample\.1)\.', r'\g<0>'), )
BEHIND = (  # the last one of MobileNetV1
    (r'(layer\d+\.\d+\.|)conv(\d)\.$', r'\1bn\2.'),
    (r'(layer\d+\.\d+\.)downsample\.0\.$', r'\1downsample.1.'),
    (r'(conv1\.|layer\d+\.\d+\.(?:depth|point)wise\.)conv\.$', r'\1bn.'),
)


def norm_behind(conv: str) -> Optional[str]:
    """``layer1.0.bn2.`` of ``layer1.0.conv2.``, None if it is none."""
    return translate(conv, (BEHIND, ))


def put_norms_behind(state_dict: StateDict, blocks: bool = True) -> StateDict:
    """Let every convolution have a norm behind it and no bias.

    That is what the nets of all hosts have. A bias is taken off the
    running mean of the norm that follows, which is exact in both modes; where
    none follows, as in a deployed net, it becomes the bias of a new one that
    is the identity in eval mode.

    Args:
        state_dict: In our names.
        blocks: Whether blocks that end in norms of their own get such a new
            one behind them, too. Defaults to True.
    """
    out = dict(state_dict)
    for name in state_dict:
        if re.search(r'(^|\.)bias$', name):
            _move_bias(name, out)
    for name in state_dict if blocks else ():
        if name.endswith('.norm.bias'):
            norm = norm_behind(name[:-len('norm.bias')])
            if norm and norm + 'weight' not in out:
                _add_identity(norm, torch.zeros_like(out[name]), out)
    return out


def _move_bias(name: str, out: StateDict) -> None:
    conv = name[:-len('bias')]
    after = norm_behind(conv)
    for norm in (conv + 'norm.', after):
        if norm and norm + 'running_mean' in out:
            mean = norm + 'running_mean'
            out[mean] = out[mean] - out.pop(name)
            return
    if after:
        _add_identity(after, out.pop(name), out)


def _add_identity(norm: str, bias: Tensor, out: StateDict) -> None:
    out[norm + 'weight'] = torch.full_like(bias, math.sqrt(1 + EPS))
    out[norm + 'bias'] = bias
    out[norm + 'running_mean'] = torch.zeros_like(bias)
    out[norm + 'running_var'] = torch.ones_like(bias)
    out[norm + 'num_batches_tracked'] = torch.tensor(0)
