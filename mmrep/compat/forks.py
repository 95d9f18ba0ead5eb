"""The maintained forks of the hosts, which have other distribution names."""
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec

from mmengine.config.utils import MODULE2PACKAGE

from .hosts import HOSTS


def find_forked_hosts():
    """Let bases like ``mmseg::_base_/default_runtime.py`` be found.

    mmengine, its fork too, looks for them in the distribution
    ``mmsegmentation``. Where a fork is installed in its place, the module's
    own name leads to them.
    """
    for module in HOSTS:
        try:
            distribution(MODULE2PACKAGE.get(module, module))
        except PackageNotFoundError:
            if find_spec(module) is not None:
                MODULE2PACKAGE[module] = module
