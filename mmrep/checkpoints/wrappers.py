"""The state dict inside a checkpoint, whatever wraps it."""
from collections.abc import Mapping
from typing import Any, Sequence, Tuple

from torch import nn

from ..errors import UserError
from ..prefixes import AROUND_BACKBONE, without
from .content import check_weights
from .renaming import StateDict, translate

WEIGHTS = ('state_dict', 'model', 'model_state_dict')
AVERAGED = ('model_ema', 'ema_model', 'state_dict_ema', 'ema')
USUAL = WEIGHTS + AVERAGED
MAX_WRAPPERS = 5
# numbers of a RepVGGplus's auxiliary classifiers, by the stage before each
AUXILIARY = dict(stage1=0, stage2=1, stage3_first=2)
WEIGHT = ((r'(weight|bias)\Z', r'\1'), )
NORM = ((r'(weight|bias|running_(mean|var)|num_batches_tracked)\Z', r'\1'), )
CLASSIFIERS = (((r'(linear|fc|head\.fc)\.',
                 'head.fc.'), (r'head\.auxiliary\.\d+\.(conv|fc)\.', r'\g<0>'),
                *((rf'{stage}_aux\.{place}\.', f'head.auxiliary.{i}.{ours}.')
                  for stage, i in AUXILIARY.items()
                  for place, ours in ((r'0\.conv', 'conv'), ('3', 'fc')))),
               WEIGHT)
CLASSIFIER_NORMS = (((r'head\.auxiliary\.\d+\.bn\.', r'\g<0>'),
                     *((rf'{stage}_aux\.0\.bn\.', f'head.auxiliary.{i}.bn.')
                       for stage, i in AUXILIARY.items())), NORM)


def find_weights(held: Mapping, keys: Sequence[str] = USUAL) -> Mapping:
    """Return the mapping under the first usual name, or ``held`` itself.

    Raises:
        UserError: Wrappers stand in wrappers, without an end.
    """
    for _ in range(MAX_WRAPPERS):
        inner = next((held[key] for key in keys
                      if isinstance(held.get(key), (Mapping, nn.Module))),
                     None)
        if inner is None:
            return held
        if isinstance(inner, nn.Module):
            return inner.state_dict()
        held, keys = inner, USUAL
    raise UserError('the checkpoint has a state dict in a state dict, more '
                    f'than {MAX_WRAPPERS} deep')


def unwrap(checkpoint: Any, ema: bool = False) -> StateDict:
    """Find the weights of a checkpoint.

    Args:
        checkpoint: A state dict, or a dict that holds one under a usual name.
        ema: True to take the averaged weights instead of the raw ones.
            Defaults to False: averaged ones only where there are no others.

    Raises:
        UserError: There are no weights, or something among them is no tensor.
    """
    if not isinstance(checkpoint, Mapping):
        raise UserError('this is no checkpoint: it holds a '
                        f'{type(checkpoint).__name__}')
    weights = find_weights(checkpoint, AVERAGED if ema else USUAL)
    if ema and weights is checkpoint:
        raise UserError('the checkpoint holds no averaged weights')
    try:
        check_weights(weights)
    except UserError as error:
        raise UserError('the checkpoint has no state dict under '
                        f'{list(WEIGHTS)}: {error}') from error
    return dict(weights)


def as_checkpoint(loaded: Any) -> Any:
    """Give weights also the name under which mmengine looks for them.

    mmengine would load nothing of a ``{'model': weights}``, silently. A state
    dict that mmengine finds, and any other content, stays as it is.
    """
    if isinstance(loaded, nn.Module):
        return dict(state_dict=loaded.state_dict())
    if not isinstance(loaded, dict) or isinstance(
            loaded.get('state_dict'), Mapping):
        return loaded
    weights = find_weights(loaded)
    return loaded if weights is loaded else {**loaded, 'state_dict': weights}


def without_prefixes(state_dict: StateDict) -> StateDict:
    """Cut off the names of the modules around a backbone.

    Args:
        state_dict: A backbone's weights, by the names of any code.

    Raises:
        UserError: Two names would become one.
    """
    out = without(AROUND_BACKBONE, dict(state_dict), 'a prefix')
    out.pop('n_averaged', None)  # a counter of torch's AveragedModel
    return out


def split_classifier(state_dict: StateDict) -> Tuple[StateDict, StateDict]:
    """Return the backbone, and the classifiers by the names of heads here."""
    backbone, head = {}, {}
    for name, tensor in state_dict.items():
        of_head = translate(name, CLASSIFIERS, CLASSIFIER_NORMS)
        (head if of_head else backbone)[of_head or name] = tensor
    return backbone, head
