"""Parts of a model to export, as functions from images to tensors."""
from typing import List, Optional, Sequence, Tuple

from torch import Tensor, nn

from ..boxes import Detector, Size
from ..compat.compiling import is_compiling
from ..errors import UserError
from ..fusing.examples import image_channels
from ..nets.walk import tensors
from .input_kinds import IMAGES, TENSORS
from .onnx_input import Preprocessing
from .pixel_labels import check_has_labels, labels_of

PARTS = ('backbone', 'neck', 'whole')


class Part(nn.Module):
    """A backbone, a backbone with its neck, or a whole net.

    Args:
        model: The model of mmdet, mmseg or mmpretrain.
        part: The name of the part: 'backbone', 'neck' or 'whole'.
        labels: True gives the label of each pixel instead of its logits.
            Defaults to False.
        preprocess: True takes decoded images and does what the model's
            ``data_preprocessor`` does. Defaults to False.

    Shape:
        - Input: (N, C, H, W), preprocessed images; with ``preprocess``
          (N, H, W, C), images of uint8 in the order BGR.
        - Output: a tuple of features. For 'whole', a tuple of logits, (N,
          classes, H, W) for a segmentor and (N, classes) for a classifier,
          and for a detector boxes, scores and labels; see
          :class:`mmrep.boxes.Detector`. With ``labels``, int64 of (N, H, W).
          Boxes, logits of pixels and labels are those of the images without
          padding; features are those of the padded ones.

    Raises:
        UserError: The model has no such part, or it cannot be exported.
    """

    def __init__(self,
                 model: nn.Module,
                 part: str,
                 labels: bool = False,
                 preprocess: bool = False) -> None:
        super().__init__()
        if getattr(model, 'backbone', None) is None:
            raise UserError(f'a {type(model).__name__} has no backbone: only '
                            'detectors, segmentors and classifiers can be '
                            'exported')
        self.model = model
        self.part = part
        self.makes_boxes = part == 'whole' and is_detector(model)
        if self.makes_boxes:
            self.detector = Detector(model)
        if labels:
            check_has_labels(model, part)
        self.labels = labels
        self.takes = IMAGES if preprocess else TENSORS
        if preprocess:
            self.preprocessing = Preprocessing(
                getattr(model, 'data_preprocessor', None),
                image_channels(model))
        # exporters set the mode of all modules to that of the outermost one
        self.train(model.training)

    def forward(self,
                x: Tensor,
                size: Optional[Size] = None) -> Tuple[Tensor, ...]:
        """Return the outputs of the part.

        Args:
            x: The images.
            size: The height and width of the images without padding. Defaults
                to None: those of ``x``.
        """
        if self.takes is IMAGES:
            x, size = self.preprocessing(x)
            if not self.preprocessing.pads:
                size = None
        return tuple(tensors(getattr(self, f'_{self.part}')(x, size)))

    def _backbone(self, x: Tensor, size: Optional[Size]) -> Sequence[Tensor]:
        return self.model.backbone(x)

    def _neck(self, x: Tensor, size: Optional[Size]) -> Sequence[Tensor]:
        return self.model.extract_feat(x)

    def _whole(self, x: Tensor, size: Optional[Size]) -> Sequence[Tensor]:
        if self.makes_boxes:
            return self.detector(x, size)
        if not hasattr(self.model, 'encode_decode'):
            return [self.model(x)]
        sides = x.shape[2:]
        meta = dict(img_shape=sides, pad_shape=sides, ori_shape=sides)
        # torch.export would take the length of a list for a constant, and the
        # heads look at the first
        images = 1 if is_compiling() else x.shape[0]
        logits = self.model.encode_decode(x, [meta] * images)
        if size is not None:
            logits = logits[:, :, :size[0], :size[1]]
        return [labels_of(self.model, logits) if self.labels else logits]

    def names(self, outputs: int) -> List[str]:
        """Return a name for each output."""
        if self.makes_boxes:
            return self.detector.names()
        if self.labels:
            return ['labels']
        kind = 'logits' if self.part == 'whole' else 'feature'
        if outputs == 1:
            return [kind]
        return [f'{kind}_{i}' for i in range(outputs)]

    def of(self, model: nn.Module) -> 'Part':
        """Return the same part of another model."""
        return Part(model, self.part, self.labels, self.takes is IMAGES)


def is_detector(model: nn.Module) -> bool:
    """Return True if a host's model is one of mmdet."""
    return not hasattr(model, 'decode_head') and not hasattr(model, 'head')
