"""What the command line tools share: clear errors, configs and models."""
import copy
import functools
import os
import os.path as osp
import re
import sys
from importlib.util import find_spec

from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

HOSTS = dict(mmdet='mmdet', mmseg='mmsegmentation', mmpretrain='mmpretrain')
# keys that hosts add or drop without any effect on the function computed
HARMLESS = re.compile(r'^data_preprocessor\.|\.num_batches_tracked$')


class UserError(Exception):
    """A mistake that the user can mend, told in one sentence."""


def report_errors(main):
    """Let a tool end with ``error: <sentence>`` and exit code 1.

    Only :class:`UserError` is told this way: the traceback of anything else
    is what its reporter needs.
    """

    @functools.wraps(main)
    def wrapper(*args, **kwargs):
        try:
            return main(*args, **kwargs)
        except UserError as error:
            if os.environ.get('RANK', '0') == '0':
                sys.stderr.write(f'error: {_one_line(error)}\n')
            sys.exit(1)

    return wrapper


def _one_line(error):
    """Return the message of an error on a single line."""
    # the message of a KeyError is the repr of the key
    key = isinstance(error, KeyError) and len(error.args) == 1
    return ' '.join(str(error.args[0] if key else error).split())


def load_config(path, cfg_options=None):
    """Read a config of one of the hosts.

    Args:
        path (str): Config file.
        cfg_options (dict, optional): Overrides as from ``--cfg-options``.
            Defaults to None.

    Returns:
        Config: The config, its ``default_scope`` an installed host.

    Raises:
        UserError: If it cannot be read, or is for no installed host.
    """
    if osp.isdir(path):
        raise UserError(f'{path!r} is a folder, not a config file')
    if not osp.isfile(path):
        raise UserError(f'no such config: {path!r}')
    try:
        cfg = Config.fromfile(path)
    except Exception as error:  # a config is code: it can raise anything
        raise UserError(
            f'cannot read config {path!r}: {_config_fault(error)}') from error
    try:
        cfg.merge_from_dict(cfg_options or {})
    except Exception as error:
        raise UserError(f'--cfg-options {cfg_options} do not fit config '
                        f'{path!r}: {_one_line(error)}') from error
    _check_scope(cfg, path)
    return cfg


def _config_fault(error):
    """Say what is wrong with a config in the words of its cause."""
    if isinstance(error, ImportError):
        # mmengine's own message lists the whole of sys.path
        root = error
        while root.__cause__ or root.__context__:
            root = root.__cause__ or root.__context__
        message = error.__cause__ or error
        if root is message:
            return _one_line(message)
        return f'{_one_line(message)}: {_one_line(root)}'
    if isinstance(error, FileNotFoundError):
        return f'its `_base_` is not there: {_one_line(error)}'
    return f'{type(error).__name__}: {_one_line(error)}'


def _check_scope(cfg, path):
    """Refuse a config that belongs to no installed host."""
    scope = cfg.get('default_scope')
    if scope not in HOSTS:
        raise UserError(f'`default_scope` (={scope!r}) of config {path!r} '
                        f"must be one of {', '.join(HOSTS)}")
    if find_spec(scope) is None:
        raise UserError(f'config {path!r} needs {scope}, which is not '
                        f'installed: pip install {HOSTS[scope]}')


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
        model.setdefault('data_preprocessor', cfg.data_preprocessor)
    try:
        return MODELS.build(model)
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        raise UserError(f'cannot build the model of config {cfg.filename!r}: '
                        f'{_one_line(error)}') from error


def check_checkpoint_matches(model, state_dict):
    """Load weights into a model, refusing those of another architecture.

    The model's own loading code decides: a layer that takes weights in more
    than one form (a plain convolution's, say) keeps doing so.

    Args:
        model (nn.Module): Receives what fits, also when this raises.
        state_dict (dict): Weights by name, with or without ``module.``.

    Raises:
        UserError: If names or shapes differ, naming some of them.
    """
    weights = copy.copy(state_dict)  # keeps the versions in `_metadata`
    for name in list(weights):
        weights[re.sub(r'^module\.', '', name)] = weights.pop(name)
    faults = {
        kind: names
        for kind, names in _load(model, weights).items() if names
    }
    if faults:
        counts = ', '.join(f'{len(v)} {k}' for k, v in faults.items())
        some = [f'{n} ({k})' for k, names in faults.items() for n in names[:2]]
        raise UserError('the checkpoint is of another architecture than the '
                        f"config: {counts} keys, e.g. {', '.join(some[:5])}")


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
        faults['wrongly shaped'] += shapes or [_one_line(error)]
    finally:
        handle.remove()
    return faults
