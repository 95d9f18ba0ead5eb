"""Check that weights are those of a model, and load them."""
import re
import warnings
from typing import Any, Dict, List

from mmengine.logging import print_log
from mmengine.model import revert_sync_batchnorm
from torch import Tensor, nn

from ..errors import UserError, one_line
from ..layers.loading import CHANGED
from ..prefixes import without_module
from .describe import structure
from .from_weights import enrich

# keys that hosts add or drop without any effect on the function computed
HARMLESS = re.compile(r'^data_preprocessor\.|\.num_batches_tracked\Z')


def check_checkpoint_matches(model: nn.Module,
                             state_dict: Dict[str, Tensor]) -> List[str]:
    """Load weights into a model, and refuse those of another architecture.

    The model's own loading code decides: a layer that takes weights in more
    than one form, such as a plain convolution's, keeps doing so.

    Args:
        model: The model. It receives the weights that fit, even if this
            raises an error.
        state_dict: The weights by name, with or without ``module.``.

    Returns:
        The names of the layers that took over branches other than their own.

    Raises:
        UserError: Names or shapes differ; the message has some of them.
    """
    before = structure(model)
    enrich(model, state_dict)
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', CHANGED[:30])
        found = _load(model, without_module(state_dict))
    faults = {kind: names for kind, names in found.items() if names}
    if faults:
        counts = ', '.join(f'{len(v)} {k}' for k, v in faults.items())
        some = [f'{n} ({k})' for k, names in faults.items() for n in names[:2]]
        raise UserError('the checkpoint is of another architecture than the '
                        f"config: {counts} keys, e.g. {', '.join(some[:5])}")
    after = structure(model)
    changed = [name for name in after if after[name] != before.get(name)]
    if changed:
        print_log(
            f'{len(changed)} layers, e.g. {changed[0]!r}, have other branches '
            "than the config's and take over those of the checkpoint",
            'current')
    return changed


def _load(model: nn.Module, weights: Dict[str, Tensor]) -> Dict[str, list]:
    """Load weights and list the names that do not fit, by kind."""
    faults = {'missing': [], 'unexpected': [], 'wrongly shaped': []}

    def note(_: nn.Module, keys: Any) -> None:
        for kind, names in (('missing', keys.missing_keys),
                            ('unexpected', keys.unexpected_keys)):
            faults[kind] += [n for n in names if not HARMLESS.search(n)]

    # unlike the return value, a hook also gets keys when a shape is wrong
    handle = model.register_load_state_dict_post_hook(note)
    try:
        model.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        shapes = re.findall(r'size mismatch for (\S+):', str(error))
        faults['wrongly shaped'] += shapes or [one_line(error)]
    finally:
        handle.remove()
    return faults


def load_in_eval(model: nn.Module, weights: Dict[str, Tensor]) -> nn.Module:
    """Load weights into a model that is to run, not to train.

    Args:
        model: The model, changed in place.
        weights: See :func:`check_checkpoint_matches`.

    Returns:
        The model in eval mode, with plain norms in place of synchronised
        ones.

    Raises:
        UserError: See :func:`check_checkpoint_matches`.
    """
    check_checkpoint_matches(model, weights)
    return revert_sync_batchnorm(model).eval()
