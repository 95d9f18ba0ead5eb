"""Read checkpoints without letting them run code."""
import os
import os.path as osp
import pickle
import re
import zipfile
from collections.abc import Mapping
from typing import Any, Union

import torch
from torch import nn

from ..compat import safe_globals
from ..compat.archives import records_of
from ..errors import UserError, shown
from .content import check_content
from .wrappers import find_weights

Path = Union[str, os.PathLike]


def read_checkpoint(path: Path, trusted: bool = False) -> dict:
    """Read a checkpoint onto the CPU.

    Args:
        path: The path of a file written by mmengine, by ``mmrep`` or by
            ``torch.save(model.state_dict(), path)``, or of one that has
            weights under another usual name.
        trusted: True if pickled objects may run their code. Defaults
            to False.

    Returns:
        The checkpoint, with its weights under ``'state_dict'``. Names
        are strings, weights are tensors, and ``meta`` is a dict if it is
        there.

    Raises:
        UserError: The file is missing, is no checkpoint or a damaged one, or
            holds objects and is not ``trusted``.

    Examples:
        >>> import torch
        >>> from mmrep.checkpoints import read_checkpoint
        >>> torch.save(torch.nn.Linear(2, 1).state_dict(), 'weights.pth')
        >>> list(read_checkpoint('weights.pth')['state_dict'])
        ['weight', 'bias']
    """
    content = read_file(path, trusted)
    weights = _weights(path, content)
    rest = {} if weights is content else dict(content)
    checkpoint = {**rest, 'state_dict': weights}
    try:
        check_content(checkpoint)
    except UserError as error:
        raise UserError(f'checkpoint {path!r} is damaged: {error}') from error
    return checkpoint


def read_file(path: Path, trusted: bool = False) -> Any:
    """Read a file's content onto the CPU; a pickled model becomes its weights.

    Raises:
        UserError: The file is missing, torch did not write it, it is a
            TorchScript archive, which is a program, or it holds objects and
            is not ``trusted``.
    """
    _check_file(path)
    rules = dict(weights_only=not trusted)
    if not trusted and not safe_globals.knows_safe_globals():
        rules = dict(
            weights_only=False, pickle_module=safe_globals.pickle_module())
    try:
        with safe_globals.allowed:
            # a mapped file is read only where it is used: no optimizer state
            content = torch.load(
                path,
                map_location='cpu',
                mmap=zipfile.is_zipfile(path),
                **rules)
            if isinstance(content, nn.Module):
                content = {'state_dict': content.state_dict()}
    except Exception as error:  # a broken pickle can raise anything
        raise UserError(_why_unreadable(path, error)) from error
    return content


def _check_file(path: Path) -> None:
    if not isinstance(path, (str, os.PathLike)):
        raise UserError(f'a checkpoint (={shown(path)}) must be the path of a '
                        'file')
    if osp.isdir(path):
        raise UserError(f'{path!r} is a folder, not a checkpoint file')
    if not osp.isfile(path):
        way_out = ': download it first' if '://' in str(path) else ''
        raise UserError(f'no such checkpoint: {path!r}{way_out}')
    if _is_torchscript(path):
        raise UserError(
            f'{path!r} is a TorchScript archive, a program that loading would '
            'start: save the state_dict of the model it was made of instead')


def _is_torchscript(path: Path) -> bool:
    """Return True if ``torch.load`` would call ``torch.jit.load`` on a file.

    Before torch 2.6 it does so whatever its ``pickle_module`` is.
    """
    return 'constants.pkl' in records_of(path)


def _why_unreadable(path: Path, error: Exception) -> str:
    """Return why a file is unreadable: a refused object, or no checkpoint."""
    refused = re.search(r'GLOBAL (\S+?\(.*\)|\S+)', str(error))
    if refused or (isinstance(error, pickle.UnpicklingError)
                   and zipfile.is_zipfile(path)):
        what = refused.group(1) if refused else 'an object'
        return (f'checkpoint {path!r} holds {what}, which could run code: if '
                'you trust its source, pass --trust-checkpoint')
    return (f'{path!r} is truncated or not a checkpoint: torch cannot read '
            f'it ({type(error).__name__})')


def _weights(path: Path, content: Any) -> Mapping:
    """Return the weights in a file's content, or the content if it is them.

    Raises:
        UserError: There are no weights.
    """
    if isinstance(content, Mapping):
        weights = find_weights(content)
        if weights is not content or (content and all(
                map(torch.is_tensor, content.values()))):
            return weights
        keys = [shown(key).strip("'") for key in list(content)[:5]]
        held = f"the keys {', '.join(keys)}"
    else:
        held = f'a {type(content).__name__}'
    raise UserError(f'checkpoint {path!r} has no state_dict: it holds {held}')
