"""The state dict inside of a checkpoint, whatever wraps it."""
import copy
import re
from collections.abc import Mapping
from typing import Any, Tuple

import torch

from ..errors import UserError
from .renaming import StateDict

WEIGHTS = ('state_dict', 'model', 'model_state_dict')
AVERAGED = ('model_ema', 'ema_model', 'state_dict_ema', 'ema')
PREFIX = re.compile(r'^((module|_orig_mod|model|backbone)\.)+')
CLASSIFIER = re.compile(r'^(linear|fc|head\.fc)\.(?=(weight|bias)$)')


def unwrap(checkpoint: Any, ema: bool = False) -> StateDict:
    """Find the weights.

    Args:
        checkpoint: A state dict, or what holds one under a usual name.
        ema: Take the averaged weights instead of the raw ones. Defaults to
            False: only where there are no others.

    Raises:
        UserError: There are none, or something among them is no tensor.
    """
    if not isinstance(checkpoint, Mapping):
        raise UserError('this is no checkpoint: it holds a '
                        f'{type(checkpoint).__name__}')
    for key in AVERAGED if ema else WEIGHTS + AVERAGED:
        if isinstance(checkpoint.get(key), Mapping):
            return unwrap(checkpoint[key])
    if ema:
        raise UserError('the checkpoint holds no averaged weights')
    for name, value in checkpoint.items():
        if not isinstance(name, str) or not torch.is_tensor(value):
            raise UserError(
                f'the checkpoint has no state dict under {list(WEIGHTS)}: '
                f'its {name!r} is a {type(value).__name__}')
    return dict(checkpoint)


def without_module(state_dict: StateDict) -> StateDict:
    """Names without the ``module.`` of DDP; modules' versions are kept."""
    out = copy.copy(state_dict)  # with `_metadata`
    for name in list(out):
        out[re.sub(r'^module\.', '', name)] = out.pop(name)
    return out


def without_prefixes(state_dict: StateDict) -> StateDict:
    """Names without those of the modules around the backbone.

    Raises:
        UserError: That would make one of two names.
    """
    out = {}
    for name, tensor in state_dict.items():
        short = PREFIX.sub('', name)
        if short in out:
            raise UserError(f'the checkpoint has {short!r} twice, with and '
                            'without a prefix')
        if short != 'n_averaged':  # a counter of torch's AveragedModel
            out[short] = tensor
    return out


def split_classifier(state_dict: StateDict) -> Tuple[StateDict, StateDict]:
    """The backbone, and the classifier as mmpretrain names it."""
    backbone, head = {}, {}
    for name, tensor in state_dict.items():
        short, found = CLASSIFIER.subn('head.fc.', name)
        (head if found else backbone)[short] = tensor
    return backbone, head
