"""The two files of a fused net: a checkpoint and the config beside it."""
import os.path as osp
from functools import partial
from pathlib import Path

import torch
from mmengine.config import Config

from ..atomic import check_destination, write_together
from ..errors import UserError

MARK = '# a fused net, written by tools/fuse.py'


def config_beside(out: str) -> str:
    """Return the path of the config that goes with a fused checkpoint."""
    return osp.splitext(out)[0] + '.py'


def check_paths(config: str, checkpoint: str, out: str) -> None:
    """Refuse an OUT that cannot be written or would destroy something.

    Raises:
        UserError: OUT does not end in ``.pth``, or OUT or the config beside
            it is an input, a folder or a config that the user wrote.

    Examples:
        >>> import mmrep
        >>> from mmrep.deploy import check_paths
        >>> try:
        ...     check_paths('net.py', 'net.pth', 'fused.onnx')
        ... except mmrep.UserError as error:
        ...     print(error)
        OUT (='fused.onnx') must end in .pth
    """
    if not out.endswith('.pth'):
        raise UserError(f'OUT (={out!r}) must end in .pth')
    for path in (out, config_beside(out)):
        check_destination(path, (config, checkpoint), 'OUT', 'fused')
    _check_own(config_beside(out))


def _check_own(config: str) -> None:
    """Refuse to replace a config that was not written here."""
    if not osp.exists(config):
        return
    with open(config, encoding='utf-8', errors='replace') as file:
        if file.readline().strip() != MARK:
            raise UserError(f'{config!r} is there and was not written by '
                            'tools/fuse.py: name another OUT')


def write_fused(out: str, checkpoint: dict, cfg: Config) -> str:
    """Write both files or none, and return the path of the config.

    Raises:
        UserError: The files cannot be written.

    Examples:
        >>> from mmengine.config import Config
        >>> from mmrep.deploy import write_fused
        >>> cfg = Config(dict(model=dict(type='ResNet', depth=18)))
        >>> write_fused('fused.pth', dict(state_dict={}), cfg)
        'fused.py'
    """
    config = config_beside(out)
    write_together({
        out:
        partial(torch.save, checkpoint),
        config:
        lambda path: Path(path).write_text(
            f'{MARK}\n{cfg.pretty_text}', encoding='utf-8')
    })
    return config
