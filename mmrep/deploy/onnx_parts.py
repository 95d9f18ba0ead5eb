"""Parts of a model to export, as functions from images to tensors."""
from typing import List, Sequence, Tuple

from torch import Tensor, nn

from ..errors import UserError
from ..nets.walk import tensors

PARTS = ('backbone', 'neck', 'whole')


class Part(nn.Module):
    """A backbone, a backbone with its neck, or a net up to its logits.

    Args:
        model: The model of mmdet, mmseg or mmpretrain.
        part: The name of the part: 'backbone', 'neck' or 'whole'.

    Shape:
        - Input: (N, C, H, W), preprocessed images.
        - Output: a tuple of features; for 'whole' a tuple of logits, (N,
          classes, H, W) for a segmentor and (N, classes) for a classifier.

    Raises:
        UserError: The model has no such part, or it cannot be exported.
    """

    def __init__(self, model: nn.Module, part: str) -> None:
        super().__init__()
        is_detector = not hasattr(model, 'decode_head') and not hasattr(
            model, 'head')
        if part == 'whole' and is_detector:
            raise UserError(
                f'--part whole is not for a {type(model).__name__}: its boxes '
                'come from Python code, export --part neck')
        if getattr(model, 'backbone', None) is None:
            raise UserError(f'a {type(model).__name__} has no backbone: only '
                            'detectors, segmentors and classifiers can be '
                            'exported')
        self.model = model
        self.part = part
        # exporters set the mode of all modules to that of the outermost one
        self.train(model.training)

    def forward(self, x: Tensor) -> Tuple[Tensor, ...]:
        return tuple(tensors(getattr(self, f'_{self.part}')(x)))

    def _backbone(self, x: Tensor) -> Sequence[Tensor]:
        return self.model.backbone(x)

    def _neck(self, x: Tensor) -> Sequence[Tensor]:
        return self.model.extract_feat(x)

    def _whole(self, x: Tensor) -> Tensor:
        if not hasattr(self.model, 'encode_decode'):
            return self.model(x)
        size = x.shape[2:]
        meta = dict(img_shape=size, pad_shape=size, ori_shape=size)
        return self.model.encode_decode(x, [meta] * x.shape[0])

    def names(self, outputs: int) -> List[str]:
        """Return a name for each output."""
        kind = 'logits' if self.part == 'whole' else 'feature'
        if outputs == 1:
            return [kind]
        return [f'{kind}_{i}' for i in range(outputs)]


def default_part(scope: str) -> str:
    """Return the part of a host's models that is exported by default."""
    return 'neck' if scope == 'mmdet' else 'whole'
