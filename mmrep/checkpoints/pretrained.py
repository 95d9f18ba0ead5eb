"""The checkpoints that a model, or modules of it, start from."""
from typing import Iterator, Tuple

from mmengine.model import PretrainedInit
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

from ..errors import UserError, shown
from ..prefixes import under
from .fitting import check_fits
from .safe_load import read_checkpoint


def pretrained(model: nn.Module) -> Iterator[Tuple[nn.Module, dict]]:
    """Yield modules whose ``init_cfg`` names a checkpoint, with that entry.

    The entry has ``checkpoint`` and perhaps ``prefix`` and ``map_location``.
    """
    for module in model.modules():
        cfg = getattr(module, 'init_cfg', None) or []
        for init in [cfg] if isinstance(cfg, dict) else cfg:
            if init.get('type') in ('Pretrained', PretrainedInit):
                yield module, init


def check_pretrained(model: nn.Module, trusted: bool = False) -> None:
    """Refuse checkpoints of ``init_cfg`` that cannot be loaded.

    Args:
        model: The model, as a config builds it. It stays as it is.
        trusted: True if pickled objects may run their code. Defaults to
            False.

    Raises:
        UserError: A local file is missing or does not fit, or the module
            would take nothing of it.
    """
    for module, init in pretrained(model):
        path, prefix = init.get('checkpoint'), init.get('prefix')
        if not is_local(path, '`checkpoint` of `init_cfg`'):
            continue  # mmengine fetches it
        weights = read_checkpoint(path, trusted)['state_dict']
        if prefix:
            weights = _part(path, prefix, weights, type(module).__name__)
        check_fits(path, module, weights, lambda twin: twin.init_weights())


def check_load_from(model: nn.Module,
                    path: str,
                    trusted: bool = False) -> None:
    """Refuse a checkpoint of which a model would load nothing.

    Args:
        model: The model, as a config builds it. It stays as it is.
        path: The config's ``load_from``.
        trusted: True if pickled objects may run their code. Defaults to
            False.

    Raises:
        UserError: A local file is missing or does not fit, or the model would
            take nothing of it.
    """
    if is_local(path, '`load_from`'):
        weights = read_checkpoint(path, trusted)['state_dict']
        check_fits(path, model, weights,
                   lambda twin: load_state_dict(twin, weights))


def is_local(path: str, name: str) -> bool:
    """Return True if a path is no URL.

    Raises:
        UserError: The path is no string.
    """
    if not isinstance(path, str):
        raise UserError(f'{name} (={shown(path)}) must be the path of a '
                        'checkpoint')
    return '://' not in path


def _part(path: str, prefix: str, weights: dict, kind: str) -> dict:
    """Return the weights under a prefix, as mmengine cuts it off.

    Raises:
        UserError: There are no such weights.
    """
    part = under(weights, prefix if prefix.endswith('.') else f'{prefix}.')
    if not part:
        raise UserError(
            f'checkpoint {path!r}, from which {kind} is to start, has no '
            f'weights that begin with `prefix` (={prefix!r}), only such as '
            f'{list(weights)[:2]}')
    return part
