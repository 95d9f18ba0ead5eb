"""Official names of DBB's MobileNet (DingXiaoH/DiverseBranchBlock).

The net is plain, of DBB or ACB blocks, or deployed.
"""
import re
from itertools import chain

from ..backbones.mobilenet import STAGES
from . import acb, dbb
from .renaming import StateDict, translated
from .resnet import NORM, put_norms_behind

KIND = 'an official MobileNet'
MARK = re.compile(r'^stem\.\d+\.(depthwise|pointwise)\.')
BLOCKS = tuple(
    chain.from_iterable([(i, j) for j in range(count)]
                        for i, (_, count) in enumerate(STAGES, 1)))
PLACES = ((r'conv1\.', 'conv1.'),
          *((rf'stem\.{n}\.(depthwise|pointwise)\.', rf'layer{i}.{j}.\1.')
            for n, (i, j) in enumerate(BLOCKS)))
CONV = ((r'', 'conv.'), )
PLAIN = (*dbb.PLAIN, *acb.PLAIN)
BEHIND = ((r'bn\.', 'bn.'), )


def convert(state_dict: StateDict) -> StateDict:
    """Rename weights; deployed blocks get the norms behind of plain nets."""
    out = translated(
        dbb.without_identities(state_dict), KIND, (PLACES, BEHIND, NORM),
        (PLACES, CONV, PLAIN), (PLACES, CONV, dbb.WEIGHTS + acb.WEIGHTS),
        (PLACES, CONV, dbb.BLOCK_NORMS + acb.BLOCK_NORMS, NORM))
    return put_norms_behind(out, blocks=False)
