"""The output that torch's exporter to ONNX prints.

Changes, for as long as a ``with`` block runs: ``torch._C._jit_onnx_log``, by
which the exporter prints the whole graph when it fails. Nothing public turns
it off up to PyTorch 2.14.
"""
import contextlib
import warnings
from typing import Iterator

import torch

from .patching import put


@contextlib.contextmanager
def silent_export() -> Iterator[None]:
    """Keep torch's exporter from printing graphs and warnings of tracing."""
    undo = put(torch._C, '_jit_onnx_log', lambda *_: None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        undo()
