"""The changes that importing mmrep makes in other libraries, in one place.

docs/importing.md describes them. The registration of layers and backbones is
none of them: it happens whether or not these patches are applied.
"""
import os
import warnings
from functools import partial
from typing import Callable, Dict, List

from .checkpoints.wrappers import as_checkpoint
from .compat.converters import Rules
from .compat.forks import find_forked_hosts
from .compat.guards import guard_converters
from .compat.loading import prepare_loading
from .compat.patching import Undo
from .compat.safe_globals import allow_mmengine_checkpoints
from .errors import UserError, shown
from .layers import RepConv2d
from .refusals import refuse, refuse_biases
from .structures.from_weights import enrich

VARIABLE = 'MMREP_PATCHES'
RULES = Rules(RepConv2d, refuse, refuse_biases)
# functions by name; each applies a change and returns a function to undo it
PATCHES: Dict[str, Callable[[], Undo]] = dict(
    checkpoints=partial(allow_mmengine_checkpoints, as_checkpoint),
    structures=partial(prepare_loading, enrich),
    forks=find_forked_hosts,
    converters=partial(guard_converters, RULES))
# the fault that leaving out each patch leads to, perhaps silently
WITHOUT = dict(
    checkpoints='mmengine may not read the checkpoints that it writes',
    structures='mmengine loads the first kernel of a block alone into a '
    'plain convolution',
    forks='bases of hosts that are installed as forks are not found',
    converters="converters of others, such as mmcv's fuse_conv_bn, take the "
    'weight of a block for its whole kernel and give wrong results')

_undo: Dict[str, Undo] = {}


def apply_patches() -> None:
    """Apply the changes that mmrep needs in other libraries.

    ``import mmrep`` does so. Changes that are in force stay as they are.

    Examples:
        >>> import mmrep
        >>> mmrep.apply_patches()  # the import has done it already
        >>> mmrep.applied_patches()
        ['checkpoints', 'structures', 'forks', 'converters']
    """
    for name, patch in PATCHES.items():
        if name not in _undo:
            _undo[name] = patch()


def undo_patches() -> None:
    """Restore other libraries to their state before mmrep was imported.

    Examples:
        >>> import mmrep
        >>> mmrep.undo_patches()
        >>> mmrep.applied_patches()
        []
        >>> mmrep.apply_patches()
    """
    while _undo:
        _, undo = _undo.popitem()
        undo()


def applied_patches() -> List[str]:
    """Return the names of the changes that are in force now.

    Examples:
        >>> import mmrep
        >>> 'converters' in mmrep.applied_patches()
        True
    """
    return list(_undo)


def apply_at_import() -> None:
    """Apply the patches, unless the environment says ``MMREP_PATCHES=0``.

    Raises:
        UserError: ``MMREP_PATCHES`` is neither 0 nor 1.
    """
    value = os.environ.get(VARIABLE, '1')
    if value not in ('0', '1'):
        raise UserError(f'{VARIABLE} (={shown(value)}) must be 1, to change '
                        'other libraries as docs/importing.md says, or 0')
    if value == '1':
        apply_patches()
    else:
        warnings.warn(f"{VARIABLE}=0: {'; '.join(WITHOUT.values())}: see "
                      'docs/importing.md')
