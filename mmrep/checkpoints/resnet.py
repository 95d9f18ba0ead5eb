"""Places of convolutions and norms, which all layouts of ResNets share."""
import math
import re
from typing import Optional

import torch
from torch import Tensor

from .renaming import StateDict, translate

EPS = 1e-5  # default of torch's and all hosts' batch norms
NORM = ((r'(weight|bias|running_mean|running_var|num_batches_tracked)$',
         r'\1'), )
# official OREPA and DBB; the last row is for a block that is no part of a net
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
# torchvision and OpenMMLab
HOST_CONVS = (
    (r'conv1\.|layer\d+\.\d+\.(conv\d|downsample\.0)\.', r'\g<0>'),
    (r'', ''),
)
HOST_NORMS = ((r'bn1\.|layer\d+\.\d+\.(bn\d|downsample\.1)\.', r'\g<0>'), )
BEHIND = (  # the last row is for MobileNetV1
    (r'(layer\d+\.\d+\.|)conv(\d)\.$', r'\1bn\2.'),
    (r'(layer\d+\.\d+\.)downsample\.0\.$', r'\1downsample.1.'),
    (r'(conv1\.|layer\d+\.\d+\.(?:depth|point)wise\.)conv\.$', r'\1bn.'),
)


def norm_behind(conv: str) -> Optional[str]:
    """Return the norm behind: ``layer1.0.bn2.`` for ``layer1.0.conv2.``.

    The result is None if no norm stands behind such a name.
    """
    return translate(conv, (BEHIND, ))


def put_norms_behind(state_dict: StateDict, blocks: bool = True) -> StateDict:
    """Give every convolution a norm behind and no bias, as hosts' nets have.

    A bias is subtracted from the running mean of the norm that follows, which
    is exact in both modes. Where none follows, as in a deployed net, it
    becomes the bias of a new norm that is the identity in eval mode but for
    this bias.

    Args:
        state_dict: The weights, by the names used here.
        blocks: True to put such a new norm also behind blocks that end in
            norms of their own. Defaults to True.
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
