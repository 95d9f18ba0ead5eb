"""Sessions of onnxruntime, and the packages that tools need."""
from importlib.util import find_spec
from typing import TYPE_CHECKING, List, Optional, Sequence, Union

import torch
from torch import Tensor

from ..errors import UserError

if TYPE_CHECKING:  # an optional package
    from onnxruntime import InferenceSession

PACKAGES = ('onnx', 'onnxruntime')


def need(packages: Sequence[str] = PACKAGES) -> None:
    """Refuse to go on without packages.

    Args:
        packages: The names of the packages. Defaults to those that export and
            check ONNX files.

    Raises:
        UserError: A package is missing, or needs another PyTorch.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise UserError(f"{' and '.join(missing)} cannot be imported: pip "
                        f"install {' '.join(missing)}")
    if 'nncf' in packages and not hasattr(torch, 'uint16'):
        raise UserError('NNCF needs PyTorch 2.3 or later (here '
                        f'{torch.__version__}): install one, or make INT8 for '
                        'onnxruntime')


def session(model: Union[bytes, str],
            threads: Optional[int] = None) -> 'InferenceSession':
    """Open a session of onnxruntime on the CPU.

    Args:
        model: The bytes of an ONNX file, or its path.
        threads: The number of threads. Defaults to None: that of torch.
    """
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    options.intra_op_num_threads = threads or torch.get_num_threads()
    return onnxruntime.InferenceSession(
        model, options, providers=['CPUExecutionProvider'])


def run(model: 'InferenceSession', x: Tensor) -> List[Tensor]:
    """Return the outputs of a session for one input."""
    inputs = {model.get_inputs()[0].name: x.numpy()}
    return list(map(torch.from_numpy, model.run(None, inputs)))
