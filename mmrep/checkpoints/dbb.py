"""Official DBB-ResNet names (DingXiaoH/DiverseBranchBlock)."""
import re

from torch import Tensor

from ..kernel import identity
from .renaming import StateDict, translated
from .resnet import CONVS, NORM, NORMS, put_norms_behind

KIND = 'an official DBB-ResNet'
# a net without blocks is the baseline that both official codes call `base`
MARK = re.compile(r'(^|\.)dbb_(origin|reparam)\.|^stage0\.conv1\.conv\.')
WEIGHTS = (
    (r'dbb_(origin|kxk)\.conv\.weight$', 'weight'),
    (r'dbb_1x1\.conv\.weight$', 'branches.1x1.weight'),
    (r'dbb_(1x1_)?avg\.conv\.weight$', 'branches.1x1_average.first'),
    (r'dbb_1x1_kxk\.(id)?conv1\.weight$', 'branches.1x1_kxk.first'),
    (r'dbb_1x1_kxk\.conv2\.weight$', 'branches.1x1_kxk.second'),
)
BLOCK_NORMS = (
    (r'dbb_(origin|kxk)\.bn\.', 'norm.'),
    (r'dbb_1x1\.bn\.', 'branches.1x1.norm.'),
    (r'dbb_(1x1_)?avg\.bn\.bn\.', 'branches.1x1_average.first_norm.'),
    (r'dbb_(1x1_)?avg\.avgbn\.', 'branches.1x1_average.norm.'),
    (r'dbb_1x1_kxk\.bn1\.bn\.', 'branches.1x1_kxk.first_norm.'),
    (r'dbb_1x1_kxk\.bn2\.', 'branches.1x1_kxk.norm.'),
)
PLAIN = ((r'(dbb_reparam|conv)\.(weight|bias)$', r'\2'), )


def convert(state_dict: StateDict) -> StateDict:
    """Rename weights; deployed blocks get the norms behind of plain nets."""
    out = translated(
        without_identities(state_dict), KIND, (NORMS, NORM), (CONVS, PLAIN),
        (CONVS, WEIGHTS), (CONVS, BLOCK_NORMS, NORM))
    return put_norms_behind(out, blocks=False)


def without_identities(state_dict: StateDict) -> StateDict:
    """Store square 1x1 factors as their difference from the identity.

    ``idconv1`` is this difference already. ``conv1`` is as wide as the input
    if both factors read the same number of channels per group. It always is
    where the second factor is a block, in DyRep only.
    """
    out = dict(state_dict)
    for name, first in state_dict.items():
        if name.endswith('dbb_1x1_kxk.conv1.weight'):
            second = out.get(name.replace('conv1.weight', 'conv2.weight'))
            if second is None or second.size(1) == first.size(1):
                out[name] = first - _identity(first)
    return out


def _identity(weight: Tensor) -> Tensor:
    channels, per_group = weight.shape[:2]
    return identity(channels, channels // per_group).weight.to(weight)
