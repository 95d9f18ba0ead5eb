"""Measure how well each convolution of an ONNX file fits into 8 bits."""
import math
from typing import Dict, Iterable, Iterator, List, Sequence, Tuple, Union

import numpy as np
from torch import Tensor

from ..export.onnx_export import INPUT
from ..export.onnx_session import session

LAYERS = ('Conv', 'Gemm')
LEVELS = 127  # on each side of zero
TINY = 1e-30


def weight_rows(data: bytes) -> List[dict]:
    """Describe the weights of each convolution as plain data.

    ``max_abs`` is the largest absolute weight and ``std`` the standard
    deviation of all weights. ``channels`` has the largest absolute weight of
    each output channel. ``spread`` is the largest of these over their median,
    without channels of zeros. ``weights_per_tensor`` and
    ``weights_per_channel`` are the decibels of signal over the noise of
    rounding, with one scale for all or one per channel.
    """
    import onnx
    from onnx import numpy_helper
    graph = onnx.load_from_string(data).graph
    weights = {each.name: each for each in graph.initializer}
    return [
        dict(
            layer=layer_name(node.name),
            input=node.input[0],
            **weight_row(numpy_helper.to_array(weights[node.input[1]])))
        for node in graph.node
        if node.op_type in LAYERS and node.input[1] in weights
    ]


def layer_name(node: str) -> str:
    """Return the name in torch of the module that made a node.

    A node is named such as ``/backbone/stage_1/stage_1.0/Conv``, with
    ``/model`` or ``/detector`` before it if the whole model was called. A
    module of a sequence has the name of the sequence before its own. A module
    called once more, for the next level of a pyramid, ends in ``_1``. The name
    of a head is missing from the nodes of modules that the head calls itself.
    """
    _, *scope = node.split('/')
    names = []
    for part in scope[scope[:1] in (['model'], ['detector']):-1]:
        if names and part.startswith(names[-1] + '.'):
            names.pop()
        names.append(part)
    return '.'.join(names) or node


def weight_row(weight: np.ndarray) -> dict:
    """Return the row of :func:`weight_rows` for a weight (O, I, H, W)."""
    weight = weight.astype(np.float64).reshape(len(weight), -1)
    channels = np.abs(weight).max(1)
    alive = channels[channels > 0]
    middle = float(np.median(alive)) if alive.size else 1.
    return dict(
        max_abs=float(channels.max()),
        std=float(weight.std()),
        spread=float(channels.max()) / middle,
        channels=channels.tolist(),
        weights_per_tensor=decibels(weight,
                                    rounded(weight,
                                            channels.max() / LEVELS)),
        weights_per_channel=decibels(
            weight, rounded(weight, channels[:, None] / LEVELS)))


def rounded(values: np.ndarray, scale: Union[float, np.ndarray]) -> np.ndarray:
    """Return the nearest multiples of a scale."""
    scale = np.maximum(scale, TINY)
    return np.round(values / scale) * scale


def decibels(signal: np.ndarray, approximation: np.ndarray) -> float:
    """Return signal to noise: ``10 log10(sum s^2 / sum (s - a)^2)``, in dB."""
    return ratio(power(signal), power(signal - approximation))


def ratio(signal: float, noise: float) -> float:
    """Return the ratio of two powers in decibels."""
    return 10 * math.log10(max(signal, TINY) / max(noise, TINY))


def activation_rows(data: bytes, names: List[str],
                    images: Sequence[Tensor]) -> Dict[str, dict]:
    """Measure tensors, rounded to 256 levels of their whole range.

    The net runs on each image twice: first for the ranges. Only the tensors
    of one image are kept at a time, since they can fill gigabytes.

    Args:
        data: The bytes of an ONNX file.
        names: The names of the tensors, which convolutions read.
        images: The images to run on.

    Returns:
        A row for each name: the range from ``low`` to ``high`` over all
        images, and ``activations``, the decibels of signal over the noise of
        rounding.
    """
    ranges = {name: (0., 0.) for name in names}
    for name, array in _tensors_of(data, names, images):
        ranges[name] = range_with(ranges[name], array)
    powers = {name: np.zeros(2) for name in names}
    for name, array in _tensors_of(data, names, images):
        powers[name] += powers_of(array, *ranges[name])
    return {
        name: dict(low=low, high=high, activations=ratio(*powers[name]))
        for name, (low, high) in ranges.items()
    }


def range_with(known: Tuple[float, float],
               values: np.ndarray) -> Tuple[float, float]:
    """Widen a range so that it contains the values."""
    low, high = known
    return min(low, float(values.min())), max(high, float(values.max()))


def powers_of(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return the power of values and of the noise of 256 levels."""
    scale = max((high - low) / 255, TINY)
    zero = round(low / scale)
    coarse = np.clip(np.round(values / scale), zero, zero + 255) * scale
    return np.array([power(values), power(values - coarse)])


def power(values: np.ndarray) -> float:
    """Return the sum of all squares."""
    return float(np.square(values, dtype=np.float64).sum())


def _tensors_of(data: bytes, names: List[str],
                images: Iterable[Tensor]) -> Iterator[tuple]:
    """Yield the names and tensors of each image, as a session makes them."""
    import onnx
    model = onnx.load_from_string(data)
    known = {output.name for output in model.graph.output}
    inside = [n for n in dict.fromkeys(names) if n != INPUT]
    model.graph.output.extend(
        onnx.ValueInfoProto(name=name) for name in inside if name not in known)
    runs = session(model.SerializeToString())
    for image in images:
        array = image.numpy()
        if INPUT in names:
            yield INPUT, array
        if inside:  # none would mean all outputs
            yield from zip(inside, runs.run(inside, {INPUT: array}))
