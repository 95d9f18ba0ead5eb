"""Names of mmpretrain's RepVGG, in training and deployed form."""
import re

from .renaming import StateDict, translated
from .resnet import NORM

KIND = "mmpretrain's RepVGG"
MARK = re.compile(r'^(stem|stage_\d+\.\d+)\.branch_(3x3|reparam)\.')
STAGES = ((r'stem\.|stage_\d+\.\d+\.', r'\g<0>'), )
CONVS = ((r'stem\.|stage_\d+\.\d+\.', r'\g<0>branch_reparam.'), )
WEIGHTS = (
    (r'branch_3x3\.conv\.weight$', 'weight'),
    (r'branch_1x1\.conv\.weight$', 'branches.1x1.weight'),
    (r'branch_reparam\.(weight|bias)$', r'\1'),
)
BRANCH_NORMS = (
    (r'branch_3x3\.norm\.', 'norm.'),
    (r'branch_1x1\.norm\.', 'branches.1x1.norm.'),
    (r'branch_norm\.', 'branches.identity.norm.'),
)
SQUEEZE = ((r'se_layer\.conv[12]\.conv\.(weight|bias)$', r'\g<0>'), )


def convert(state_dict: StateDict) -> StateDict:
    """Rename weights; a deployed net has our names already."""
    return translated(state_dict, KIND, (CONVS, WEIGHTS),
                      (CONVS, BRANCH_NORMS, NORM), (STAGES, SQUEEZE))
