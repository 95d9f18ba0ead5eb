"""Guess the norms behind a convolution by the order of registration.

The guess is good enough to make new norms alike.
:mod:`mmrep.fusing.watching` observes which norms take the outputs as the model
runs.
"""
from collections import defaultdict
from typing import Dict, List, Optional, Tuple

import torch
from mmengine.registry import MODELS
from torch import nn

from ..compat.batch_norms import has_statistics, is_batch_norm
from ..compat.modules import children_of

SYNCED = ('SyncBN', 'MMSyncBN')

Place = Tuple[nn.Module, str]


def eager_modules(net: nn.Module) -> List[nn.Module]:
    """Return all modules but TorchScript's.

    Those are new objects at each access.
    """
    return [
        module for module in net.modules()
        if not isinstance(module, torch.jit.ScriptModule)
    ]


def places(model: nn.Module) -> Dict[nn.Module, List[Place]]:
    """Return the places of each module: its parents and its names in them."""
    found = defaultdict(list)
    for parent in eager_modules(model):
        for name, child in children_of(parent).items():
            found[child].append((parent, name))
    return found


def norms_behind(conv: nn.Module, found: Dict[nn.Module,
                                              List[Place]]) -> List[nn.Module]:
    """Return the batch norms that stand behind a convolution and only there.

    Args:
        conv: A convolution of the model.
        found: The :func:`places` of the model, whose modules should be
            registered in the order of their use, as in all hosts.

    Returns:
        The norm behind each place of ``conv``; an empty list if a place has
        none.
    """
    norms = [_next_norm(*place) for place in found[conv]]
    if all(
            norm is not None and len(norm.running_mean) == conv.out_channels
            and norms.count(norm) == len(found[norm]) for norm in norms):
        return list(dict.fromkeys(norms))
    return []


def _next_norm(parent: nn.Module, name: str) -> Optional[nn.Module]:
    order = getattr(parent, 'order', None)  # mmcv's ConvModule
    if isinstance(order, tuple) and {
            'conv', 'norm'
    }.issubset(order) and order.index('norm') < order.index('conv'):
        return None
    children = children_of(parent)
    names = list(children)
    after = names[names.index(name) + 1:][:1]
    norm = children[after[0]] if after else None
    return norm if is_batch_norm(norm) and has_statistics(norm) else None


def norm_cfg_at(model: nn.Module, conv: nn.Module) -> dict:
    """Return the config of the norms behind a convolution, or the default.

    Args:
        model: The model that contains the convolution.
        conv: The convolution.
    """
    behind = norms_behind(conv, places(model))
    if not behind:
        return dict(type='BN')
    norm = behind[0]
    synced = [k for k in SYNCED if type(norm) is MODELS.get(k)]
    if isinstance(norm, nn.SyncBatchNorm):  # this includes subclasses
        synced.append('SyncBN')
    return dict(
        type=synced[0] if synced else 'BN',
        eps=getattr(norm, 'eps', 1e-5),
        momentum=getattr(norm, 'momentum', 0.1))
