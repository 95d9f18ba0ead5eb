"""Official OREPA-ResNet names (JUGGHM/OREPA_CVPR2022)."""
import math
import re

import torch
from torch import Tensor

from ..errors import UserError
from .renaming import StateDict, translated
from .resnet import CONVS, NORM, NORMS, put_norms_behind

KIND = 'an official OREPA-ResNet'
MARK = re.compile(r'weight_or(epa|1x1)_origin$|or(epa|1x1|_large)_reparam\.|'
                  r'(^|\.)weight0$')
FACTORS = (
    (r'weight(\d)\.', r'branches.stem.factors.\1.'),
    (r'', ''),
)
BRANCHES = (  # an OREPA-RepVGG has `rbr` in its names
    (r'weight_(orepa|rbr|or1x1)_origin$', 'weight'),
    (r'weight_(orepa|rbr)_avg_conv$', 'branches.average.weight'),
    (r'weight_(orepa|rbr)_pfir_conv$', 'branches.prior.weight'),
    (r'weight_orepa_1x1$', 'branches.1x1.weight'),
    (r'weight_(orepa|rbr)_1x1_kxk_(id)?conv1$', 'branches.1x1_kxk.first'),
    (r'weight_(orepa|rbr)_1x1_kxk_conv2$', 'branches.1x1_kxk.second'),
    (r'weight_(orepa|rbr)_gconv_dw$', 'branches.separable.depthwise'),
    (r'weight_(orepa|rbr)_gconv_pw$', 'branches.separable.pointwise'),
    (r'weight_or1x1_l2i_conv1$', 'branches.product.first'),
    (r'weight_or1x1_l2i_conv2$', 'branches.product.second'),
    (r'vector$', 'scale'),
    (r'weight(\d)$', r'branches.plain_stem.kernels.\1'),
)
PLAIN = ((r'((orepa|or1x1|or_large)_reparam|conv)\.(weight|bias)$', r'\3'), )
CONSTANTS = re.compile(
    r'(^|\.)(weight_(orepa|rbr)_(avg_avg|prior)|id_tensor)$')
# a kernel of a stem, which is made of blocks or of plain kernels
FACTOR = re.compile(r'(.*)branches\.(?:stem\.factors|plain_stem\.kernels)\.'
                    r'(\d)(?:\.(.*))?\Z')


def convert(state_dict: StateDict) -> StateDict:
    """Rename weights, order rows of separable branches, turn stems."""
    out = translated(
        without_constants(state_dict), KIND, (NORMS, NORM), (CONVS, PLAIN),
        (CONVS, FACTORS, BRANCHES))
    return put_norms_behind(_with_turned_stems(_with_ordered_rows(out)))


def without_constants(state_dict: StateDict) -> StateDict:
    """Leave out the constants that our layers compute."""
    return {k: v for k, v in state_dict.items() if not CONSTANTS.search(k)}


def _with_ordered_rows(state_dict: StateDict) -> StateDict:
    """Order rows group by group; official ones alternate between groups."""
    out = dict(state_dict)
    for name, rows in state_dict.items():
        if name.endswith('separable.pointwise'):
            depthwise = out[name.replace('pointwise', 'depthwise')]
            groups = depthwise.size(0) // rows.size(1)
            rows = rows.unflatten(0, (-1, groups)).transpose(0, 1)
            out[name] = rows.flatten(0, 1)
    return out


def _with_turned_stems(state_dict: StateDict) -> StateDict:
    """Turn all kernels of stems but the first.

    Official stems correlate where composing convolves.
    """
    out = dict(state_dict)
    for name, tensor in state_dict.items():
        match = FACTOR.match(name)
        if not match:
            continue
        prefix, factor, leaf = match[1], int(match[2]), match[3] or 'weight'
        if factor:
            out[name] = _turned(leaf, tensor)
        if leaf == 'weight':  # a constant in a stem without an origin
            first = state_dict[re.sub(r'\d(\.weight)?$', r'0\1', name)]
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
        raise UserError(f'an official stem of {channels} channels cannot be '
                        'converted: their number must be even')
    order = torch.arange(channels) % (channels // 2) + 1
    sign = torch.cos(math.pi * order).round()  # turns a frequency prior
    return tensor * sign[:, None, None, None].to(tensor)
