"""An exported file, opened in a runtime."""
from typing import Callable, List, Sequence, Union

import numpy as np
import torch
from torch import Tensor

from ..errors import UserError, brief
from .onnx_file import OnnxFile, read_onnx
from .runtimes import open_runtime

LOADER = 'val_dataloader'


class Net:
    """An exported file as a function from images to its outputs.

    Args:
        file: What the file takes and gives.
        run: The function of a runtime from the input to the list of outputs,
            all arrays.
        loader: The name of the dataloader of the images, for messages.
            Defaults to 'val_dataloader'.
    """

    def __init__(self,
                 file: OnnxFile,
                 run: Callable[[np.ndarray], Sequence[np.ndarray]],
                 loader: str = LOADER) -> None:
        self.file = file
        self.run = run
        self.loader = loader

    def __call__(self, images: Tensor) -> List[Tensor]:
        """Return the outputs for images (N, C, H, W).

        Args:
            images: The images as the file needs them: preprocessed, or raw
                pixels as floats.

        Raises:
            UserError: The file takes no such images, or the runtime fails.
        """
        array = images.numpy()
        if self.file.raw:
            array = array.astype(np.uint8).transpose(0, 2, 3, 1)
        self.file.check_takes(array.shape, self.loader)
        alone = self.file.shape[0] == 1
        parts = np.split(array, len(array)) if alone else [array]
        outputs = zip(*map(self._run, parts))
        return [torch.from_numpy(np.concatenate(each)) for each in outputs]

    def _run(self, array: np.ndarray) -> Sequence[np.ndarray]:
        try:
            return self.run(np.ascontiguousarray(array))
        except Exception as error:  # whatever a runtime raises
            raise UserError(
                f'the file does not run on an input of {array.shape}: '
                f'{brief(error)}') from error


def open_net(source: Union[bytes, str],
             runtime: str = 'onnxruntime',
             loader: str = LOADER,
             name: str = 'this file') -> Net:
    """Open an ONNX file in a runtime.

    Args:
        source: The bytes of the file, or its path.
        runtime: The name of the runtime: 'onnxruntime' or 'openvino'. Defaults
            to 'onnxruntime'.
        loader: The name of the dataloader of the images, for messages.
            Defaults to 'val_dataloader'.
        name: The name of the file, for messages. Defaults to 'this file'.

    Raises:
        UserError: The file is none that can be served, see
            :func:`.onnx_file.read_onnx`, or the runtime is missing or does not
            open it.
    """
    file = read_onnx(source, name)
    return Net(file, open_runtime(source, runtime).run, loader)
