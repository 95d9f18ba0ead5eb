"""Official OREPA-RepVGG names (JUGGHM/OREPA_CVPR2022)."""
import re

from .orepa import BRANCHES, without_constants
from .renaming import StateDict, translated
from .repvgg import CONVS, SENTENCES

KIND = 'an official OREPA-RepVGG'
MARK = re.compile(r'(^|\.)rbr_dense\.weight_rbr_origin$')
DENSE = ((r'rbr_dense\.', 'kxk.'), )
ROWS = 5  # scaled branches; where there is an identity, a sixth has no use


def convert(state_dict: StateDict) -> StateDict:
    """Rename, and cut the scales.

    There are no rows to order as in an OREPA-ResNet: the official block does
    not run with groups. Deployed it cannot be told from a RepVGG.
    """
    out = translated(
        without_constants(state_dict), KIND, *SENTENCES,
        (CONVS, DENSE, BRANCHES))
    for name, scale in out.items():
        if name.endswith('kxk.scale'):
            out[name] = scale[:ROWS].clone()
    return out
