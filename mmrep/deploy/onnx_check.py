"""Compare what onnxruntime computes with what torch does."""
from importlib.util import find_spec
from typing import Callable, Iterable, List, Sequence, Tuple

import torch
from torch import Tensor

from ..errors import UserError
from ..nets.difference import relative_difference

PACKAGES = ('onnx', 'onnxruntime')


def need_packages() -> None:
    """Refuse to go on without what export and check need.

    Raises:
        UserError: A package is missing.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UserError(f"{' and '.join(missing)} cannot be imported: pip "
                        f"install {' '.join(missing)}")


def session(model):
    """A session of onnxruntime on the CPU.

    Args:
        model: The bytes of a file, or its path.
    """
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(
        model, options, providers=['CPUExecutionProvider'])


def check_takes(model, shape: Sequence[int]) -> None:
    """Refuse an image that a graph of fixed sizes does not take.

    Args:
        model: A session.
        shape: Of its input, (N, C, H, W).

    Raises:
        UserError: An axis that is not free has another size.
    """
    fixed = model.get_inputs()[0].shape
    if any(isinstance(a, int) and a != b for a, b in zip(fixed, shape)):
        raise UserError(
            f'the ONNX graph of this net takes inputs of {_sizes(fixed)} only '
            f'and the data have one of {_sizes(shape)}: make all one size in '
            'the pipeline of `val_dataloader`')


def _sizes(shape: Sequence) -> str:
    return ' x '.join(map(str, shape))


def run(model, x: Tensor) -> List[Tensor]:
    """The outputs of a session for one input."""
    inputs = {model.get_inputs()[0].name: x.numpy()}
    return list(map(torch.from_numpy, model.run(None, inputs)))


@torch.no_grad()
def worst_of_shapes(data: bytes, reference: Callable[[Tensor], tuple],
                    shapes: Iterable[Tuple[int, ...]]) -> float:
    """The largest relative difference of all outputs, on drawn inputs.

    Args:
        data: The bytes of an ONNX file.
        reference: The same function in torch.
        shapes: Of the inputs.

    Returns:
        Infinity where shapes of outputs or their number differ.
    """
    model, worst = session(data), 0.
    for seed, shape in enumerate(shapes):
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(*shape, generator=generator)
        expected, found = reference(x), run(model, x)
        if [a.shape for a in expected] != [b.shape for b in found]:
            return float('inf')
        worst = max([worst, *map(relative_difference, expected, found)])
    return worst
