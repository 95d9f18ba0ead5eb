"""The records of a file that ``torch.save`` wrote.

Uses: ``torch._C.PyTorchFileReader``, with which ``torch.load`` itself reads
zip files. Nothing public lists the records without loading them up to
PyTorch 2.14.
"""
import os
from typing import List, Union

from .private import private

_Reader = private('torch._C.PyTorchFileReader', __name__,
                  'to tell TorchScript archives from checkpoints')


def records_of(path: Union[str, os.PathLike]) -> List[str]:
    """Names of the records in a file; none where it is no zip file.

    Args:
        path: Of the file.
    """
    try:
        return _Reader(os.fspath(path)).get_all_records()
    except RuntimeError:  # no zip file
        return []
