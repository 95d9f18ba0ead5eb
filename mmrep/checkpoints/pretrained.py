"""The checkpoints that modules of a model start from."""
from typing import Iterator, Tuple

from mmengine.model import PretrainedInit
from torch import nn

from ..errors import UserError
from .safe_load import read_checkpoint


def pretrained(model: nn.Module) -> Iterator[Tuple[nn.Module, dict]]:
    """The modules whose ``init_cfg`` names a checkpoint, and that part of it.

    It has ``checkpoint`` and perhaps ``prefix`` and ``map_location``.
    """
    for module in model.modules():
        cfg = getattr(module, 'init_cfg', None) or []
        for init in [cfg] if isinstance(cfg, dict) else cfg:
            if init.get('type') in ('Pretrained', PretrainedInit):
                yield module, init


def check_pretrained(model: nn.Module, trusted: bool = False) -> None:
    """Refuse checkpoints of ``init_cfg`` that cannot be loaded.

    Args:
        model: Such as a config builds.
        trusted: Whether pickled objects may run their code.

    Raises:
        UserError: A local file is not there or not fit.
    """
    for module, init in pretrained(model):
        path, prefix = init['checkpoint'], init.get('prefix')
        if '://' in path:
            continue  # mmengine fetches it
        weights = read_checkpoint(path, trusted)['state_dict']
        if prefix and not any(name.startswith(prefix) for name in weights):
            raise UserError(
                f'checkpoint {path!r}, from which {type(module).__name__} is '
                f'to start, has no weights that begin with `prefix` '
                f'(={prefix!r}), only such as {list(weights)[:2]}')
