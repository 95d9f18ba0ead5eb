"""Building a config's model and checking a checkpoint against it."""
import copy
import re
import warnings

from mmengine.logging import print_log
from mmengine.registry import MODELS, init_default_scope

from ..checkpoints.wrappers import without_module
from ..layers.loading import CHANGED
from ..structures.describe import structure
from ..structures.enrich import enrich
from .errors import UserError, one_line

# keys that hosts add or drop without any effect on the function computed
HARMLESS = re.compile(r'^data_preprocessor\.|\.num_batches_tracked\Z')


def build_model(cfg):
    """Build the model of a config, without loading any weights.

    Args:
        cfg (Config): From :func:`load_config`.

    Returns:
        nn.Module: The model on the CPU.

    Raises:
        UserError: If a type is unknown or its arguments are refused.
    """
    if cfg.get('model') is None:
        raise UserError(f'config {cfg.filename!r} has no `model`')
    init_default_scope(cfg.default_scope)
    model = copy.deepcopy(cfg.model)
    if cfg.get('data_preprocessor') is not None:  # as the Runner does
        model.setdefault('data_preprocessor',
                         copy.deepcopy(cfg.data_preprocessor))
    try:
        return MODELS.build(model)
    except Exception as error:  # whatever a constructor raises
        raise UserError(f'cannot build the model of config {cfg.filename!r}: '
                        f'{one_line(error)}') from error


def check_checkpoint_matches(model, state_dict):
    """Load weights into a model, refusing those of another architecture.

    The model's own loading code decides: a layer that takes weights in more
    than one form (a plain convolution's, say) keeps doing so.

    Args:
        model (nn.Module): Receives what fits, also when this raises.
        state_dict (dict): Weights by name, with or without ``module.``.

    Returns:
        list: Names of the layers that took over other branches than theirs.

    Raises:
        UserError: If names or shapes differ, naming some of them.
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


def _load(model, weights):
    """Load weights and list the names that do not fit, by kind."""
    faults = {'missing': [], 'unexpected': [], 'wrongly shaped': []}

    def note(_, keys):
        for kind, names in (('missing', keys.missing_keys),
                            ('unexpected', keys.unexpected_keys)):
            faults[kind] += [n for n in names if not HARMLESS.search(n)]

    # unlike the return value, a hook also hears when a shape is wrong
    handle = model.register_load_state_dict_post_hook(note)
    try:
        model.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        shapes = re.findall(r'size mismatch for (\S+):', str(error))
        faults['wrongly shaped'] += shapes or [one_line(error)]
    finally:
        handle.remove()
    return faults
