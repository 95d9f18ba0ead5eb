"""The records of a file that ``torch.save`` wrote.

Uses: ``torch._C.PyTorchFileReader``, with which ``torch.load`` itself reads
zip files. Up to PyTorch 2.14 nothing public lists the records without loading
them.
"""
import os
from typing import List, Union

from .private import private

_Reader = private('torch._C.PyTorchFileReader', __name__,
                  'to tell TorchScript archives from checkpoints')


def records_of(path: Union[str, os.PathLike]) -> List[str]:
    """Return the names of the records in a file, none if it is no zip file.

    Args:
        path: The file's path.
    """
    try:
        return _Reader(os.fspath(path)).get_all_records()
    except RuntimeError:  # no zip file
        return []
