"""Post-training static quantisation to INT8, with onnxruntime."""
import os.path as osp
import tempfile
from pathlib import Path
from typing import Iterable

from torch import Tensor

from ..compat.quiet import muted
from ..errors import UserError, one_line
from .onnx_export import INPUT

# a ReLU is one with the convolution before it: its range is what counts
KINDS = ('Conv', 'Gemm', 'Relu')
METHODS = dict(minmax='MinMax', entropy='Entropy', percentile='Percentile')


class Reader:
    """Calibration images in the form that onnxruntime reads them.

    Args:
        images: Preprocessed, each (1, C, H, W).
    """

    def __init__(self, images: Iterable[Tensor]) -> None:
        self.images = iter(images)

    def get_next(self) -> dict:
        """The next input; None after the last."""
        image = next(self.images, None)
        return None if image is None else {INPUT: image.numpy()}


def quantize(data: bytes,
             images: Iterable[Tensor],
             per_channel: bool,
             method: str = 'minmax') -> bytes:
    """Quantise convolutions and linear layers of an ONNX file.

    Weights are symmetric, activations have one range per tensor; both are
    signed. The file has QuantizeLinear and DequantizeLinear nodes.

    Args:
        data: The bytes of the file.
        images: To calibrate with.
        per_channel: Whether each output channel's weights have a scale.
        method: How ranges of activations are found: minmax, entropy or
            percentile. Defaults to 'minmax'.

    Returns:
        The bytes of the INT8 file.

    Raises:
        UserError: Onnxruntime cannot do it.
    """
    import onnx
    from onnxruntime.quantization import (CalibrationMethod, QuantFormat,
                                          QuantType, quantize_static)

    # without onnxruntime's advice to preprocess, which the exporter did
    with tempfile.TemporaryDirectory() as folder, muted():
        path = osp.join(folder, 'int8.onnx')
        try:
            quantize_static(
                onnx.load_from_string(data),
                path,
                Reader(images),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(KINDS),
                per_channel=per_channel,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod[METHODS[method]],
                extra_options=dict(
                    ActivationSymmetric=False, WeightSymmetric=True))
        except Exception as error:  # whatever onnxruntime raises
            raise UserError('onnxruntime cannot quantise this net: '
                            f'{type(error).__name__}: '
                            f'{one_line(error)[:200]}') from error
        return Path(path).read_bytes()
