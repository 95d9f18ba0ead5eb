"""Official RepVGG names (DingXiaoH/RepVGG), in training and deployed form."""
import re
from typing import Dict

from torch import Tensor

from .renaming import rename

MARK = re.compile(r'rbr_(dense\.conv|reparam)\.')
LEAVES = (
    (r'rbr_dense\.conv\.', ''),
    (r'rbr_dense\.bn\.', 'norm.'),
    (r'rbr_1x1\.conv\.weight', 'pointwise'),
    (r'rbr_1x1\.bn\.', 'pointwise_norm.'),
    (r'rbr_identity\.', 'identity_norm.'),
    (r'rbr_reparam\.', ''),
)
STAGES = (
    (r'^stage0\.', 'stem.branch_reparam.'),
    (r'^stage(\d+)\.(\d+)\.', r'stage_\1.\2.branch_reparam.'),
)


def convert(state_dict: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Rename; every name must be one of a RepVGG block."""
    out = {}
    for name, tensor in state_dict.items():
        leaf = rename(name, LEAVES)
        if leaf == name:
            raise ValueError(f'{name!r} is no name of an official RepVGG')
        out[rename(leaf, STAGES)] = tensor
    return out
