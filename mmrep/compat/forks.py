"""The maintained forks of the hosts, which have other distribution names.

Changes: ``mmengine.config.utils.MODULE2PACKAGE``, which is public but
documented nowhere. mmengine has no function that adds to it up to 0.10.
"""
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec

from mmengine.config.utils import MODULE2PACKAGE

from .hosts import HOSTS
from .patching import Undo


def find_forked_hosts() -> Undo:
    """Make bases like ``mmseg::_base_/default_runtime.py`` known to mmengine.

    mmengine and its fork look for them in the distribution
    ``mmsegmentation``. Where a fork is installed in its place, the module's
    own name leads to them.

    Returns:
        A function that undoes the change.
    """
    before = dict(MODULE2PACKAGE)
    for module in HOSTS:
        try:
            distribution(MODULE2PACKAGE.get(module, module))
        except PackageNotFoundError:
            if find_spec(module) is not None:
                MODULE2PACKAGE[module] = module

    def undo() -> None:
        MODULE2PACKAGE.clear()
        MODULE2PACKAGE.update(before)

    return undo
