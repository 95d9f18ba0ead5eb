"""What mmengine does over and over, at a price, and tests need not wait for.

Measured with mmengine 0.10.7: yapf lays out the config's text at each start,
checkpoint and dump, which is three quarters of a tiny Runner's time; for each
base such as ``mmdet::...`` all of a host's metafiles are read again, half a
second; each dataset looks for garbage, among the millions of objects of all
hosts a third of a second, and so does some code of ours. In processes that
tests start all is as ever.
"""
import ast
import gc
import sys
from functools import lru_cache
from types import SimpleNamespace
from typing import Tuple

from mmengine.config import config, utils
from mmengine.dataset import base_dataset

imported = 0  # modules, when the collector last learned to pass them by


def spare() -> None:
    """Leave these out in this process."""
    gc.set_threshold(20000, 20, 1000)
    pass_by_imports()
    base_dataset.gc = SimpleNamespace(collect=lambda: 0)
    config.FormatCode = as_it_is
    if not hasattr(utils.load, 'cache_info'):
        utils.load = lru_cache(maxsize=None)(utils.load)


def pass_by_imports() -> None:
    """Let no search for garbage look at what imports have made since."""
    global imported
    if len(sys.modules) > imported + 100:
        gc.collect()
        gc.freeze()
        imported = len(sys.modules)


def as_it_is(text: str, *args, **kwargs) -> Tuple[str, bool]:
    """In place of yapf's ``FormatCode``: the code, if it can be read.

    Args:
        text: Python code.
        args: Of no use here.
        kwargs: Of no use here.
    """
    ast.parse(text)  # raises SyntaxError, as yapf does
    return text, False
