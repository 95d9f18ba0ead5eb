"""What an ONNX file takes and gives, read without running it."""
import os.path as osp
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple, Union

from ..boxes import OUTPUTS
from ..errors import UserError, one_line

FLOAT, UINT8 = 1, 2  # the numbers of the types in ONNX
EXPECTED = (f"a detector's are {', '.join(OUTPUTS)}, a segmentor's logits or "
            "labels, a classifier's logits")


class OnnxFile(NamedTuple):
    """What a file takes and gives.

    Attributes:
        input: The name of its input.
        raw: True if the input has the pixels of images as they are read, uint8
            (N, H, W, C); False if it has preprocessed images, (N, C, H, W).
        shape: The size of each axis of the input, None where any fits.
        outputs: The names of its outputs.
        kind: The kind of net: 'detector', 'segmentor', 'classifier', or
            'segmentor or classifier' if the file does not tell.
    """

    input: str
    raw: bool
    shape: Tuple[Optional[int], ...]
    outputs: Tuple[str, ...]
    kind: str

    def check_takes(self, shape: Sequence[int], loader: str) -> None:
        """Refuse images that a graph of fixed sizes does not take.

        Args:
            shape: The shape of the images in the layout of the input. Their
                number is free if the graph takes one, which runs on each.
            loader: The name of the dataloader, for the message.

        Raises:
            UserError: An axis of fixed size has another size in ``shape``.
        """
        number = None if self.shape[0] == 1 else self.shape[0]
        fixed = (number, *self.shape[1:])
        if len(shape) != len(fixed) or any(
                a not in (None, b) for a, b in zip(fixed, shape)):
            way = f'make all one size in the pipeline of `{loader}`'
            if number not in (None, shape[0]):
                way = f'set `batch_size` of `{loader}` to {number}'
            raise UserError(
                f'the ONNX graph of this net takes inputs of {_sizes(fixed)} '
                f'only and the data have one of {_sizes(shape)}: {way}')


def _sizes(shape: Sequence) -> str:
    return ' x '.join('any' if n is None else str(n) for n in shape)


def read_onnx(source: Union[bytes, str], name: str = 'this file') -> OnnxFile:
    """Read what a file takes and gives.

    Args:
        source: The bytes of an ONNX file, or its path.
        name: The name of the file, for messages. Defaults to 'this file'.

    Raises:
        UserError: The file is missing or no ONNX file, or its input or its
            outputs are those of no detector, segmentor or classifier.
    """
    graph = _graph(source, name)
    own = {each.name for each in graph.initializer}  # some list them as inputs
    inputs = [each for each in graph.input if each.name not in own]
    outputs = tuple(each.name for each in graph.output)
    if not inputs or not outputs:
        raise UserError(f'{name} is no ONNX file: it has no inputs or outputs')
    kind = inputs[0].type.tensor_type.elem_type
    if len(inputs) != 1 or kind not in (FLOAT, UINT8):
        raise UserError(
            f'{name} cannot be evaluated: its inputs (='
            f"{', '.join(each.name for each in inputs)}) must be one batch of "
            'images, preprocessed in float32 or raw in uint8')
    return OnnxFile(inputs[0].name, kind == UINT8, _shape(inputs[0]), outputs,
                    _kind(outputs, len(_shape(graph.output[0])), name))


def _graph(source: Union[bytes, str], name: str) -> Any:
    import onnx
    if isinstance(source, str) and not osp.isfile(source):
        raise UserError(f'no such file: {name}')
    try:
        if isinstance(source, bytes):
            return onnx.load_from_string(source).graph
        return onnx.load(source, load_external_data=False).graph
    except Exception as error:  # whatever protobuf raises
        raise UserError(
            f'{name} is no ONNX file: {one_line(error)[:100]}') from error


def _shape(value: Any) -> Tuple[Optional[int], ...]:
    axes = value.type.tensor_type.shape.dim
    return tuple(
        axis.dim_value if axis.HasField('dim_value') else None
        for axis in axes)


def _kind(outputs: Sequence[str], axes: int, name: str) -> str:
    kinds: List[str] = []
    if set(outputs) == set(OUTPUTS):
        kinds = ['detector']
    elif outputs == ('labels', ) and axes == 3:
        kinds = ['segmentor']
    elif outputs == ('logits', ):
        kinds = {
            2: ['classifier'],
            4: ['segmentor']
        }.get(axes, ['segmentor', 'classifier'])
    if not kinds:
        raise UserError(
            f"{name} cannot be evaluated: its outputs (={', '.join(outputs)})"
            f' are those of no whole net: {EXPECTED}; export it with '
            'tools/export_onnx.py --part whole')
    return ' or '.join(kinds)
