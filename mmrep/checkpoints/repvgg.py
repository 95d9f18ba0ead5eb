"""Official RepVGG names (DingXiaoH/RepVGG), in training and deployed form."""
import re

from .renaming import StateDict, translated
from .resnet import NORM

KIND = 'an official RepVGG'
MARK = re.compile(r'(^|\.)rbr_(dense\.conv|reparam)\.')
STAGES = (
    (r'stage0\.', 'stem.'),
    (r'stage(\d+)\.(\d+)\.', r'stage_\1.\2.'),
)
CONVS = (
    (r'stage0\.', 'stem.branch_reparam.'),
    (r'stage(\d+)\.(\d+)\.', r'stage_\1.\2.branch_reparam.'),
    (r'', ''),  # a block that is no part of a net
)
WEIGHTS = (
    (r'rbr_dense\.conv\.weight$', 'weight'),
    (r'rbr_1x1\.conv\.weight$', 'branches.1x1.weight'),
    (r'rbr_reparam\.(weight|bias)$', r'\1'),
)
BRANCH_NORMS = (
    (r'rbr_dense\.bn\.', 'norm.'),
    (r'rbr_1x1\.bn\.', 'branches.1x1.norm.'),
    (r'rbr_identity\.', 'branches.identity.norm.'),
)
SQUEEZE = (
    (r'se\.down\.(weight|bias)$', r'se_layer.conv1.conv.\1'),
    (r'se\.up\.(weight|bias)$', r'se_layer.conv2.conv.\1'),
    (r'post_se\.down\.(weight|bias)$', r'post_se_layer.conv1.conv.\1'),
    (r'post_se\.up\.(weight|bias)$', r'post_se_layer.conv2.conv.\1'),
)
SENTENCES = ((CONVS, WEIGHTS), (CONVS, BRANCH_NORMS, NORM), (STAGES, SQUEEZE))


def convert(state_dict: StateDict) -> StateDict:
    """Rename weights; every name must be one of a RepVGG."""
    return translated(state_dict, KIND, *SENTENCES)
