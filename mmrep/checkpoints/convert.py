"""Official checkpoints in mmrep's names."""
import re
from typing import Dict

from torch import Tensor

from . import orepa, repvgg

StateDict = Dict[str, Tensor]
LAYOUTS = (orepa, repvgg)


def convert(state_dict: StateDict) -> StateDict:
    """Rename an official OREPA or RepVGG state dict to mmrep's names.

    OREPA-ResNets become ``OREPAResNet``, RepVGGs ``RepVGGBackbone`` (trained
    or deployed), single blocks the layer. The classifier (``linear.*``) is
    left out, since a backbone has none.

    Where an official layer orders or orients a weight unlike the formula it
    stands for, the weight is permuted here: our layers follow the formula and
    still give the official outputs.

    Args:
        state_dict: As saved by the official code, with or without
            ``module.`` in front of the names.

    Returns:
        A new state dict; tensors that needn't change are shared.

    Raises:
        ValueError: The layout is none of these, or a name is left over.
    """
    named = {
        re.sub(r'^module\.', '', name): tensor
        for name, tensor in state_dict.items()
    }
    named = {k: v for k, v in named.items() if not k.startswith('linear.')}
    for layout in LAYOUTS:
        if any(map(layout.MARK.search, named)):
            return layout.convert(named)
    raise ValueError(
        'this is no checkpoint of a known layout (official OREPA-ResNet or '
        f'RepVGG): it holds {len(named)} names such as {sorted(named)[:3]}')
