"""Official OREPA-ResNet names (JUGGHM/OREPA_CVPR2022)."""
import math
import re
from typing import Dict

import torch
from torch import Tensor

from .renaming import rename

MARK = re.compile(r'weight_or(epa|1x1)_origin$')
STAGES = (
    (r'^stage0\.conv1\.bn\.', 'bn1.'),
    (r'^stage0\.conv1\.', 'conv1.'),
    (r'^stage(\d+)\.(\d+)\.conv(\d)\.bn\.', r'layer\1.\2.bn\3.'),
    (r'^stage(\d+)\.(\d+)\.shortcut\.bn\.', r'layer\1.\2.downsample.1.'),
    (r'^stage(\d+)\.(\d+)\.shortcut\.(conv\.)?', r'layer\1.\2.downsample.0.'),
    (r'^stage(\d+)\.(\d+)\.', r'layer\1.\2.'),
    (r'(^|\.)weight(\d)\.(?!orepa)', r'\1branches.stem.factors.\2.'),
)
LEAVES = (
    (r'weight_or(epa|1x1)_origin$', 'weight'),
    (r'weight_orepa_avg_conv$', 'branches.average.weight'),
    (r'weight_orepa_pfir_conv$', 'branches.prior.weight'),
    (r'weight_orepa_1x1$', 'branches.1x1.weight'),
    (r'weight_orepa_1x1_kxk_idconv1$', 'branches.1x1_kxk.first'),
    (r'weight_orepa_1x1_kxk_conv2$', 'branches.1x1_kxk.second'),
    (r'weight_orepa_gconv_dw$', 'branches.separable.depthwise'),
    (r'weight_orepa_gconv_pw$', 'branches.separable.pointwise'),
    (r'weight_or1x1_l2i_conv1$', 'branches.product.first'),
    (r'weight_or1x1_l2i_conv2$', 'branches.product.second'),
    (r'(^|\.)vector$', r'\1scale'),
)
CONSTANTS = re.compile(r'(weight_orepa_(avg_avg|prior)|id_tensor)$')
FACTOR = re.compile(r'(.*)branches\.stem\.factors\.(\d)\.(.*)')


def convert(state_dict: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Rename, order the separable branches' rows, orient the stems."""
    out = {
        rename(rename(name, STAGES), LEAVES): tensor
        for name, tensor in state_dict.items() if not CONSTANTS.search(name)
    }
    left = [name for name in out if 'weight_or' in name]
    if left:
        raise ValueError(f'{left[0]!r} is no name of an official OREPA block')
    for name in out:
        if name.endswith('separable.pointwise'):
            depthwise = out[name.replace('pointwise', 'depthwise')]
            out[name] = _ordered(out[name], depthwise)
    return _with_turned_stems(out)


def _ordered(pointwise: Tensor, depthwise: Tensor) -> Tensor:
    """Official rows alternate between the groups; ours follow them."""
    groups = depthwise.size(0) // pointwise.size(1)
    return pointwise.unflatten(0, (-1, groups)).transpose(0, 1).flatten(0, 1)


def _with_turned_stems(state_dict: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Official stems correlate where composing convolves: turn the later."""
    out = dict(state_dict)
    for name, tensor in state_dict.items():
        match = FACTOR.match(name)
        if not match:
            continue
        prefix, factor, leaf = match[1], int(match[2]), match[3]
        if factor:
            out[name] = _turned(leaf, tensor)
        if leaf == 'weight':  # the constant of a stem without an origin
            first = state_dict[f'{prefix}branches.stem.factors.0.weight']
            size = 2 * factor + 3
            if size > out.get(prefix + 'weight', first).size(2):
                out[prefix + 'weight'] = first.new_zeros(
                    *first.shape[:2], size, size)
    return out


def _turned(leaf: str, tensor: Tensor) -> Tensor:
    if leaf != 'branches.prior.weight':
        return tensor.flip(2, 3) if tensor.dim() == 4 else tensor
    channels = tensor.size(0)
    if channels % 2:
        raise ValueError(f'an official stem of {channels} channels cannot be '
                         'converted: their number must be even')
    order = torch.arange(channels) % (channels // 2) + 1
    sign = torch.cos(math.pi * order).round()  # of a turned frequency prior
    return tensor * sign[:, None, None, None].to(tensor)
