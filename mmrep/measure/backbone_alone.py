"""A model's backbone, to train it without neck and heads."""
from typing import Any, Dict, Optional, Tuple, Union

from mmengine.model import BaseModel
from torch import Tensor, nn

from ..errors import UserError


class BackboneAlone(BaseModel):
    """Preprocessor and backbone of a model, with means of features as loss.

    Args:
        model: The model of any host.

    Raises:
        UserError: The model has no backbone.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        if getattr(model, 'backbone', None) is None:
            raise UserError(f'a {type(model).__name__} has no backbone to '
                            'measure alone: leave out --backbone')
        self.data_preprocessor = model.data_preprocessor
        self.backbone = model.backbone

    def extract_feat(self, inputs: Tensor) -> Tuple[Tensor, ...]:
        """Return the features of all stages that the model uses."""
        return self.backbone(inputs)

    def forward(
            self,
            inputs: Tensor,
            data_samples: Optional[Any] = None,
            mode: str = 'tensor'
    ) -> Union[Tuple[Tensor, ...], Dict[str, Tensor]]:
        """Return features, or with ``mode='loss'`` the sum of their means."""
        features = self.extract_feat(inputs)
        if mode != 'loss':
            return features
        return dict(loss=sum(feature.mean() for feature in features))
