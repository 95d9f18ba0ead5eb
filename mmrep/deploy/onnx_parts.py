"""Parts of a model to export, as functions from images to tensors."""
from typing import List, Optional, Sequence, Tuple

from torch import Tensor, nn

from ..boxes import OUTPUTS, Detector, Size
from ..compat.compiling import is_compiling
from ..errors import UserError
from ..nets.walk import tensors

PARTS = ('backbone', 'neck', 'whole')


class Part(nn.Module):
    """A backbone, a backbone with its neck, or a whole net.

    Args:
        model: The model of mmdet, mmseg or mmpretrain.
        part: The name of the part: 'backbone', 'neck' or 'whole'.

    Shape:
        - Input: (N, C, H, W), preprocessed images.
        - Output: a tuple of features. For 'whole', a tuple of logits, (N,
          classes, H, W) for a segmentor and (N, classes) for a classifier,
          and for a detector boxes, scores and labels; see
          :class:`mmrep.boxes.Detector`.

    Raises:
        UserError: The model has no such part, or it cannot be exported.
    """

    def __init__(self, model: nn.Module, part: str) -> None:
        super().__init__()
        if getattr(model, 'backbone', None) is None:
            raise UserError(f'a {type(model).__name__} has no backbone: only '
                            'detectors, segmentors and classifiers can be '
                            'exported')
        self.model = model
        self.part = part
        if part == 'whole' and is_detector(model):
            self.detector = Detector(model)
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
        size = size or tuple(x.shape[2:])
        return tuple(tensors(getattr(self, f'_{self.part}')(x, size)))

    def _backbone(self, x: Tensor, size: Size) -> Sequence[Tensor]:
        return self.model.backbone(x)

    def _neck(self, x: Tensor, size: Size) -> Sequence[Tensor]:
        return self.model.extract_feat(x)

    def _whole(self, x: Tensor, size: Size) -> Sequence[Tensor]:
        if is_detector(self.model):
            return self.detector(x, size)
        if not hasattr(self.model, 'encode_decode'):
            return [self.model(x)]
        sides = x.shape[2:]
        meta = dict(img_shape=sides, pad_shape=sides, ori_shape=sides)
        # torch.export would take the length of a list for a constant, and the
        # heads look at the first
        images = 1 if is_compiling() else x.shape[0]
        return [self.model.encode_decode(x, [meta] * images)]

    def names(self, outputs: int) -> List[str]:
        """Return a name for each output."""
        if self.part == 'whole' and is_detector(self.model):
            return list(OUTPUTS)
        kind = 'logits' if self.part == 'whole' else 'feature'
        if outputs == 1:
            return [kind]
        return [f'{kind}_{i}' for i in range(outputs)]


def is_detector(model: nn.Module) -> bool:
    """Return True if a host's model is one of mmdet."""
    return not hasattr(model, 'decode_head') and not hasattr(model, 'head')
