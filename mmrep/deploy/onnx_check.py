"""Compare the outputs of onnxruntime with those of torch."""
from importlib.util import find_spec
from typing import TYPE_CHECKING, Callable, Iterable, List, Tuple, Union

import torch
from torch import Tensor

from ..errors import UserError
from ..nets.difference import relative_difference

if TYPE_CHECKING:  # an optional package
    from onnxruntime import InferenceSession

PACKAGES = ('onnx', 'onnxruntime')


def need_packages() -> None:
    """Refuse to go on without the packages that export and check need.

    Raises:
        UserError: A package is missing.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UserError(f"{' and '.join(missing)} cannot be imported: pip "
                        f"install {' '.join(missing)}")


def session(model: Union[bytes, str]) -> 'InferenceSession':
    """Open a session of onnxruntime on the CPU.

    Args:
        model: The bytes of an ONNX file, or its path.
    """
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(
        model, options, providers=['CPUExecutionProvider'])


def run(model: 'InferenceSession', x: Tensor) -> List[Tensor]:
    """Return the outputs of a session for one input."""
    inputs = {model.get_inputs()[0].name: x.numpy()}
    return list(map(torch.from_numpy, model.run(None, inputs)))


@torch.no_grad()
def worst_of_shapes(data: bytes, reference: Callable[[Tensor], tuple],
                    shapes: Iterable[Tuple[int, ...]]) -> float:
    """Return the largest relative difference of all outputs.

    The inputs are random.

    Args:
        data: The bytes of an ONNX file.
        reference: The same function in torch.
        shapes: The shapes of the inputs.

    Returns:
        The difference; infinity if the outputs differ in number or shape.
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
