"""The versions of PyTorch and of the hosts that fit, told by their metadata.

Nothing of them is imported: a package that does not fit may not even import.
"""
import re
from importlib.metadata import PackageNotFoundError, version
from typing import Dict, NamedTuple, Optional, Tuple

from ..errors import UserError
from ..version import __version__


class Range(NamedTuple):
    """A range of versions: ``least`` and later, before ``below`` if given."""

    least: str
    below: Optional[str] = None

    def __str__(self) -> str:
        return f'>={self.least}' + (f',<{self.below}' if self.below else '')

    def __contains__(self, found: str) -> bool:
        return _numbers(self.least) <= _numbers(found) and (
            self.below is None or _numbers(found) < _numbers(self.below))


# ranges by distribution; hosts have their own names and those of their forks.
# A new PyTorch breaks little, a new major version of a host moves its classes.
RANGES: Dict[str, Range] = {
    'torch': Range('2.1'),
    'mmengine': Range('0.10', '1.0'),
    'mmcv': Range('2.0', '3.0'),
    'mmcv-lite': Range('2.0', '3.0'),
    'mmdet': Range('3.0', '4.0'),
    'mmsegmentation': Range('1.0', '2.0'),
    'mmpretrain': Range('1.0', '2.0'),
    'onedl-mmengine': Range('0.10', '1.0'),
    'onedl-mmcv': Range('2.0', '3.0'),
    'onedl-mmdetection': Range('3.0', '4.0'),
    'onedl-mmsegmentation': Range('1.0', '2.0'),
    'onedl-mmpretrain': Range('1.0', '2.0'),
}


def _numbers(text: str) -> Tuple[int, ...]:
    """Return the release of a version: ``2.1.0rc1+cpu`` is of 2.1.0."""
    release = re.match(r'\d+(\.\d+)*', text)
    numbers = [int(n) for n in release[0].split('.')] if release else []
    return tuple((numbers + [0, 0, 0])[:3])


def check_versions() -> None:
    """Refuse versions that mmrep does not work with.

    A package that is not installed as a distribution, such as a folder of
    sources on ``PYTHONPATH``, is not checked.

    Raises:
        UserError: A package is too old or too new.
    """
    for name, fitting in RANGES.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            continue
        if found is not None and found not in fitting:
            raise UserError(f'{name} (={found}) does not fit mmrep '
                            f'{__version__}, which needs {name}{fitting}: '
                            f'run `pip install "{name}{fitting}"`')
