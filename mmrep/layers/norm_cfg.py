"""The config of the norms of a block, whatever they were built from."""
from typing import List, Optional

from mmengine.registry import MODELS
from torch import nn

from ..compat.batch_norms import is_frozen_norm
from .norm_types import as_name

BUILT = dict(eps=1e-5, momentum=0.1)  # mmcv's values where a config has none


def actual_cfg(cfg: dict, norm: Optional[nn.Module]) -> dict:
    """Return the config of a norm that others may have converted or set.

    Args:
        cfg: Config that the norms were last built from.
        norm: One of the norms that are there now, None if there is none.

    Returns:
        ``cfg``, with the type, eps and momentum of the norm where these
        differ.
    """
    if norm is None:
        return cfg
    found = {
        name: getattr(norm, name)
        for name, default in BUILT.items()
        # a frozen one has no momentum
        if hasattr(norm, name)
        and getattr(norm, name) != cfg.get(name, default)
    }
    if cfg['type'] not in _names(type(norm)):
        found['type'] = type_of(norm)
    return {**cfg, **found}


def type_of(norm: nn.Module) -> str:
    """Return the name by which mmengine builds such norms."""
    *registered, _ = _names(type(norm))
    if is_frozen_norm(norm):
        return [*registered, as_name(type(norm))][0]
    # nobody registers torch's own SyncBN, nor what reverting leaves
    synced = isinstance(norm, nn.SyncBatchNorm)
    return [*registered, 'SyncBN' if synced else 'BN'][0]


def _names(kind: type) -> List[str]:
    """Return the registered names of a class, then its name in Python."""
    registered = [n for n, k in MODELS.module_dict.items() if k is kind]
    return [*registered, f'{kind.__module__}.{kind.__qualname__}']
