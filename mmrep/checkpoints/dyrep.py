"""Official DyRep names (hunto/image_classification_sota).

The names are those of torchvision's ResNet. Some convolutions have grown to
blocks, some blocks have grown further inside, and some have been cut back to
convolutions with a bias. The names tell which.
"""
import re

import torch

from . import dbb
from .renaming import StateDict, rename, translated
from .resnet import HOST_CONVS, HOST_NORMS, NORM, put_norms_behind

KIND = "DyRep's ResNet"
MARK = re.compile(r'(^|\.)(dbb_kxk|conv_deployed)\.|'
                  r'^layer\d+\.\d+\.conv\d\.bias$')
GROWN = (  # blocks in place of a block's convolutions
    (r'dbb_kxk\.conv\.(?=dbb_)', 'kxk.'),
    (r'dbb_1x1_kxk\.conv2\.(?=dbb_)', 'branches.1x1_kxk.second.'),
)
INSIDE = ((r'(kxk\.|branches\.1x1_kxk\.second\.)*', r'\g<0>'), )
WEIGHTS = (
    *dbb.WEIGHTS,
    (r'dbb_(1xk|kx1)\.conv\.weight$', r'branches.\1.weight'),
    (r'dbb_1x1_kxk\.whole$', 'branches.1x1_kxk.whole'),
    (r'(conv_deployed\.)?(weight|bias)$', r'\2'),
    # biases: the norm behind takes them
    (r'dbb_kxk\.conv\.bias$', 'bias'),
    (r'dbb_1x1_kxk\.conv2\.bias$', 'branches.1x1_kxk.bias'),
)
BLOCK_NORMS = (
    *dbb.BLOCK_NORMS,
    (r'dbb_(1xk|kx1)\.bn\.', r'branches.\1.norm.'),
    (r'dbb_id\.', 'branches.identity.norm.'),
)


def convert(state_dict: StateDict) -> StateDict:
    """Rename weights; norms absorb the biases of convolutions before them."""
    named = {
        rename(name, GROWN): tensor
        for name, tensor in whole(state_dict).items()
    }
    out = translated(named, KIND, (HOST_NORMS, NORM),
                     (HOST_CONVS, INSIDE, WEIGHTS),
                     (HOST_CONVS, INSIDE, BLOCK_NORMS, NORM))
    return put_norms_behind(out)


def whole(state_dict: StateDict) -> StateDict:
    """Mark the first factors of 1x1_kxk as whole, not as differences.

    Official factors are no differences from the identity and decay to zero.
    """
    firsts = [n for n in state_dict if n.endswith('dbb_1x1_kxk.conv1.weight')]
    traces = {
        name.replace('conv1.weight', 'whole'):
        torch.empty(0, dtype=torch.uint8)
        for name in firsts
    }
    return {**state_dict, **traces}
