"""Official ACB names (DingXiaoH/DiverseBranchBlock and DingXiaoH/ACNet)."""
import re

from .renaming import StateDict, translated
from .resnet import CONVS, NORM, NORMS, put_norms_behind

KIND = 'an official ACB-ResNet'
MARK = re.compile(r'(^|\.)(square_conv|fused_conv)\.')
# ACNet has no `stage0`, and `acb.` in the names of blocks in front of a ReLU
PLACES = ((r'conv1\.', 'conv1.'), *((rf'{pattern}(?:acb\.)?', place)
                                    for pattern, place in CONVS))
STEM_NORM = (r'conv1\.bn\.', 'bn1.')
WEIGHTS = (
    (r'square_conv\.weight$', 'weight'),
    (r'ver_conv\.weight$', 'branches.kx1.weight'),
    (r'hor_conv\.weight$', 'branches.1xk.weight'),
)
BLOCK_NORMS = (
    (r'square_bn\.', 'norm.'),
    (r'ver_bn\.', 'branches.kx1.norm.'),
    (r'hor_bn\.', 'branches.1xk.norm.'),
)
PLAIN = ((r'(fused_conv|conv)\.(weight|bias)$', r'\2'), )


def convert(state_dict: StateDict) -> StateDict:
    """Rename weights; deployed blocks get the norms behind of plain nets."""
    out = translated(state_dict, KIND, ((STEM_NORM, *NORMS), NORM),
                     (PLACES, PLAIN), (PLACES, WEIGHTS),
                     (PLACES, BLOCK_NORMS, NORM))
    return put_norms_behind(out, blocks=False)
