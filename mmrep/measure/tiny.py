"""Backbones of a config's structure with few channels."""
import copy
import inspect
from typing import Any, Set

from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from ..errors import UserError, one_line

# the arguments of backbones that set their width, with the channels that they
# mean by themselves, None for a number of channels
WIDTHS = dict(base_channels=None, stem_channels=None, widen_factor=64)
CHANNELS = (4, 8, 16)  # groups or squeezed layers may need more than 4


def tiny(cfg: Config) -> Config:
    """Return a config whose backbone has as few channels as it can have.

    Neck and heads stay as they are, so that they no longer fit.

    Args:
        cfg: The config from :func:`load_config`, which stays as it is.

    Raises:
        UserError: The model has no backbone, or one whose width is no
            argument, or the backbone cannot be built.
    """
    cfg = copy.deepcopy(cfg)
    backbone = (cfg.get('model') or {}).get('backbone')
    if not backbone:
        raise UserError(f'config {cfg.filename!r} has no `model.backbone`, '
                        'and --host measures backbones alone: leave out '
                        '--host')
    init_default_scope(cfg.default_scope)
    inner = backbone
    while inner.get('type') == 'Restructured' and 'model' in inner:
        inner = inner['model']
    widths = WIDTHS.keys() & _arguments(inner.get('type'))
    if not widths:
        raise UserError(
            f'--host cannot make the backbone {_name(inner.get("type"))} of '
            f'config {cfg.filename!r} tiny, it has none of the arguments '
            f'{", ".join(WIDTHS)}: measure it with --backbone')
    _shrink(cfg, backbone, inner, widths)
    return cfg


def _shrink(cfg: Config, backbone: dict, inner: dict,
            widths: Set[str]) -> None:
    """Set the width of a backbone to the least with which it is built."""
    for channels in CHANNELS:
        for name in widths:
            unit = WIDTHS[name]
            inner[name] = channels / unit if unit else channels
        try:
            MODELS.build(copy.deepcopy(backbone))
            return
        except Exception as error:  # whatever a constructor raises
            why = error
    raise UserError(f'cannot build the backbone of config {cfg.filename!r} '
                    f'with {channels} channels for --host: '
                    f'{one_line(why)}') from why


def _arguments(kind: Any) -> Set[str]:
    """Return the names of the arguments of a type in the registries.

    They include those that classes hand on to their parents by ``**kwargs``.
    """
    if isinstance(kind, str):
        with MODELS.switch_scope_and_registry(None) as registry:
            kind = registry.get(kind)
    found = set()
    for parent in getattr(kind, '__mro__', ()):
        init = vars(parent).get('__init__')
        if init is None:
            continue
        arguments = inspect.signature(init).parameters.values()
        found |= {argument.name for argument in arguments}
        if all(a.kind is not a.VAR_KEYWORD for a in arguments):
            break
    return found


def _name(kind: Any) -> str:
    return getattr(kind, '__name__', str(kind))
