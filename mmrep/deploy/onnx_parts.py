"""What of a model is exported, as a function from images to tensors."""
from typing import List, Tuple

from torch import Tensor, nn

from ..errors import UserError
from ..nets.walk import tensors

PARTS = ('backbone', 'neck', 'whole')


class Part(nn.Module):
    """A backbone, a backbone with its neck, or a net up to its logits.

    Args:
        model: Of mmdet, mmseg or mmpretrain.
        part: 'backbone', 'neck' or 'whole'.

    Shape:
        - Input: (N, C, H, W), preprocessed images.
        - Output: a tuple of features or, whole, of (N, classes, H, W) logits
          of a segmentor, (N, classes) of a classifier.

    Raises:
        UserError: The model has no such part that could be exported.
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
        # exporters put all inside into the mode of the outermost module
        self.train(model.training)

    def forward(self, x: Tensor) -> Tuple[Tensor, ...]:
        return tuple(tensors(getattr(self, f'_{self.part}')(x)))

    def _backbone(self, x: Tensor):
        return self.model.backbone(x)

    def _neck(self, x: Tensor):
        return self.model.extract_feat(x)

    def _whole(self, x: Tensor):
        if not hasattr(self.model, 'encode_decode'):
            return self.model(x)
        size = x.shape[2:]
        meta = dict(img_shape=size, pad_shape=size, ori_shape=size)
        return self.model.encode_decode(x, [meta] * x.shape[0])

    def names(self, outputs: int) -> List[str]:
        """A name for each output."""
        kind = 'logits' if self.part == 'whole' else 'feature'
        if outputs == 1:
            return [kind]
        return [f'{kind}_{i}' for i in range(outputs)]


def default_part(scope: str) -> str:
    """What is exported of a host's models if the user does not say."""
    return 'neck' if scope == 'mmdet' else 'whole'
