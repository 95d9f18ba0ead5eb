"""Runtimes that run exported files on a CPU, behind one interface."""
import os.path as osp
from functools import lru_cache
from typing import Any, Callable, List, NamedTuple, Optional, Tuple, Union

import numpy as np
import torch

from ..compat.telemetry import without_telemetry
from ..errors import UserError, brief
from ..export.onnx_session import need, session

HEAD = 64  # bytes, in which a file names its producer
QUANTIZER = b'onnx.quantize'  # the producer of onnxruntime's INT8 files
Source = Union[bytes, str]  # the bytes of a file, or its path
Run = Callable[[np.ndarray], List[np.ndarray]]


class Runtime(NamedTuple):
    """An exported file, opened in a runtime.

    Attributes:
        input: The name of its input.
        shape: The size of each axis of the input, None where any fits.
        outputs: The names of its outputs.
        run: The function from the input to the outputs, in their order.

    Examples:
        >>> import numpy as np
        >>> from mmrep.inference import Runtime
        >>> net = Runtime('input', (None, 3), ('sum', ), lambda x: [x.sum(1)])
        >>> net.run(np.ones((2, 3)))
        [array([3., 3.])]
    """

    input: str
    shape: Tuple[Optional[int], ...]
    outputs: Tuple[str, ...]
    run: Run


def open_runtime(source: Source,
                 name: str,
                 threads: Optional[int] = None) -> Runtime:
    """Open a file on the CPU, to compute in float32 or INT8.

    Args:
        source: The bytes of an ONNX file, or the path of a file.
        name: The name of the runtime: 'onnxruntime' or 'openvino'.
        threads: The number of threads. Defaults to None: that of torch.

    Raises:
        UserError: There is no such runtime or file, the runtime's package is
            missing, it does not open the file, or it would compute another
            function.

    Examples:
        >>> import mmrep
        >>> from mmrep.inference import open_runtime
        >>> try:
        ...     open_runtime('net.onnx', 'onnx')
        ... except mmrep.UserError as error:
        ...     print(error)
        there is no runtime 'onnx': name one of onnxruntime, openvino
    """
    if name not in RUNTIMES:
        raise UserError(f'there is no runtime {name!r}: name one of '
                        f'{", ".join(RUNTIMES)}')
    need([name])
    if isinstance(source, str) and not osp.isfile(source):
        raise UserError(f'there is no file {source!r}: name an ONNX file')
    if name == 'openvino':
        _check_not_of_onnxruntime(source)
    try:
        return RUNTIMES[name](source, threads or torch.get_num_threads())
    except Exception as error:  # whatever a runtime raises
        told = 'this file' if isinstance(source, bytes) else repr(source)
        raise UserError(f'{name} does not open {told}: '
                        f'{brief(error)}') from error


def _check_not_of_onnxruntime(source: Source) -> None:
    """Refuse an INT8 file that OpenVINO 2026.4 opens and computes wrongly."""
    head = source[:HEAD] if isinstance(source, bytes) else _head(source)
    if QUANTIZER in head:
        raise UserError(
            'this INT8 file was made for onnxruntime, and openvino computes '
            'other numbers with it: quantise the net with '
            'tools/quantize_int8.py --runtime openvino')


def _head(path: str) -> bytes:
    with open(path, 'rb') as file:
        return file.read(HEAD)


def _onnxruntime(source: Source, threads: int) -> Runtime:
    opened = session(source, threads)
    first, = opened.get_inputs()
    shape = tuple(n if isinstance(n, int) else None for n in first.shape)
    return Runtime(first.name, shape,
                   tuple(each.name for each in opened.get_outputs()),
                   lambda array: opened.run(None, {first.name: array}))


@lru_cache(maxsize=None)
def _core() -> Any:
    """Return the one core of OpenVINO.

    A core gives signals a stack of its own. With OpenVINO 2026.4 the stack of
    a core that is gone can come back behind that of another, and the next
    signal ends the process. So this one stays.
    """
    with without_telemetry():
        import openvino
    return openvino.Core()


def _openvino(source: Source, threads: int) -> Runtime:
    core = _core()
    # without the first hint a CPU that has bfloat16 computes in it; layers
    # that are quantised compute in INT8 all the same
    options = dict(
        INFERENCE_PRECISION_HINT='f32',
        PERFORMANCE_HINT='LATENCY',
        INFERENCE_NUM_THREADS=threads)
    model = core.compile_model(core.read_model(source), 'CPU', options)
    shape = tuple(None if size.is_dynamic else size.get_length()
                  for size in model.input().get_partial_shape())
    return Runtime(model.input().get_any_name(), shape,
                   tuple(each.get_any_name() for each in model.outputs),
                   lambda array: list(model(array).values()))


RUNTIMES = dict(onnxruntime=_onnxruntime, openvino=_openvino)
