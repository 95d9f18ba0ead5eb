"""Quantise a trained net to INT8 (static) with onnxruntime."""
import os.path as osp
import tempfile
from pathlib import Path
from typing import Iterable, Optional

from torch import Tensor

from ..compat.quiet import muted
from ..errors import UserError, brief
from ..export.onnx_export import INPUT

# onnxruntime merges a ReLU with the convolution before it and needs the range
# behind the ReLU
KINDS = ('Conv', 'Gemm', 'Relu')
METHODS = dict(minmax='MinMax', entropy='Entropy', percentile='Percentile')


class Reader:
    """Calibration images in the form that onnxruntime reads.

    Args:
        images: The preprocessed images, each (1, C, H, W).
    """

    def __init__(self, images: Iterable[Tensor]) -> None:
        self.images = iter(images)

    def get_next(self) -> Optional[dict]:
        """Return the next input, None after the last."""
        image = next(self.images, None)
        return None if image is None else {INPUT: image.numpy()}


def quantize(data: bytes,
             images: Iterable[Tensor],
             per_channel: bool,
             method: str = 'minmax') -> bytes:
    """Quantise the convolutions and linear layers of an ONNX file.

    Weights have symmetric ranges, activations one range per tensor; both are
    signed. The new file has QuantizeLinear and DequantizeLinear nodes.

    Args:
        data: The bytes of the file.
        images: The images to calibrate with.
        per_channel: True for one scale per output channel of a weight, False
            for one per weight.
        method: The method that finds the ranges of activations: 'minmax',
            'entropy' or 'percentile'. Defaults to 'minmax'.

    Returns:
        The bytes of the INT8 file.

    Raises:
        UserError: Onnxruntime cannot quantise the net.
    """
    import onnx
    from onnxruntime.quantization import (CalibrationMethod, QuantFormat,
                                          QuantType, quantize_static)

    # mutes the advice to preprocess the graph, which the exporter has done
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
                            f'{brief(error)}') from error
        return Path(path).read_bytes()
