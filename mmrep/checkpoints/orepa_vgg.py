"""Official OREPA-RepVGG names (JUGGHM/OREPA_CVPR2022)."""
import re

from ..kernel import identity
from .orepa import BRANCHES, without_constants
from .renaming import StateDict, translated
from .repvgg import CONVS, SENTENCES

KIND = 'an official OREPA-RepVGG'
MARK = re.compile(r'(^|\.)rbr_dense\.weight_rbr_origin$')
DENSE = ((r'rbr_dense\.', 'kxk.'), )
ROWS = 5  # scaled branches; a sixth row, beside an identity, has no use


def convert(state_dict: StateDict) -> StateDict:
    """Rename weights, and drop unused rows of the scales.

    There are no rows to order as in an OREPA-ResNet, since the official block
    does not run with groups. A deployed net cannot be told from a RepVGG.
    """
    weights = _from_identities(without_constants(state_dict))
    out = translated(weights, KIND, *SENTENCES, (CONVS, DENSE, BRANCHES))
    for name, scale in out.items():
        if name.endswith('kxk.scale'):
            out[name] = scale[:ROWS].clone()
    return out


def _from_identities(state_dict: StateDict) -> StateDict:
    """Store 1x1 kernels as their difference from the identity.

    ``idconv1`` is this difference already. ``conv1`` stands in its place
    where the numbers of channels in front and behind differ, which is an
    option of the official block.
    """
    out = dict(state_dict)
    for name, first in state_dict.items():
        if name.endswith('weight_rbr_1x1_kxk_conv1'):
            channels, width = first.shape[:2]
            eye = identity(width, dtype=first.dtype, device=first.device)
            out[name] = first - eye.weight.repeat(channels // width, 1, 1, 1)
    return out
