"""Files of a fused net, opened in the runtimes, in float32 and INT8."""
import copy
from functools import partial
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

from torch import Tensor, nn

from ..export.onnx_export import to_onnx
from ..export.onnx_parts import Part
from ..export.onnx_pool import with_matrix_pools
from ..inference.int8_openvino import PACKAGES, quantize_openvino
from ..inference.int8_quantize import quantize
from ..inference.runtimes import open_runtime

FLOAT32, INT8 = 'float32', 'INT8'
# each runtime's own way to INT8
QUANTIZE = dict(
    onnxruntime=partial(quantize, per_channel=True),
    openvino=quantize_openvino)
NEEDED = dict(onnxruntime=PACKAGES[1:], openvino=('onnx', 'openvino'))


class Opened(NamedTuple):
    """A file that is open in a runtime, with an image.

    Attributes:
        runtime: The name of the runtime.
        precision: The name of the type that it computes with.
        call: The function that runs it on the image.
    """

    runtime: str
    precision: str
    call: Callable[[], Any]


def packages_for(runtimes: Sequence[str], int8: bool) -> List[str]:
    """Return the names of the packages that runtimes need.

    Args:
        runtimes: The names of the runtimes.
        int8: True if they run in INT8, too.
    """
    found = [name for runtime in runtimes for name in NEEDED[runtime]]
    if int8 and 'openvino' in runtimes:
        found += PACKAGES
    return sorted(set(found))


def open_files(fused: nn.Module, images: Sequence[Tensor],
               runtimes: Sequence[str], int8: bool) -> List[Opened]:
    """Export a whole net for images of one size, and open it in runtimes.

    Args:
        fused: The net in eval mode, which stays as it is.
        images: The preprocessed images, each (1, C, H, W): the one to run on,
            and all to calibrate with.
        runtimes: The names of the runtimes.
        int8: True opens each runtime's INT8 file, too.

    Raises:
        UserError: The net cannot be exported, quantised or opened.
    """
    if not runtimes:
        return []
    part = Part(with_matrix_pools(copy.deepcopy(fused)), 'whole')
    data = to_onnx(part, images[0].shape)
    found = []
    for runtime in runtimes:
        files: Dict[str, bytes] = {FLOAT32: data}
        if int8:
            files[INT8] = QUANTIZE[runtime](data, images)
        for precision, own in files.items():
            run = open_runtime(own, runtime).run
            call = partial(run, images[0].numpy())
            found.append(Opened(runtime, precision, call))
    return found
