"""A model's backbone, to train without what stands on it."""
from mmengine.model import BaseModel

from ..errors import UserError


class BackboneAlone(BaseModel):
    """Preprocessor and backbone of a model; the loss is a mean of features.

    Args:
        model (nn.Module): Of any host.

    Raises:
        UserError: It has no backbone.
    """

    def __init__(self, model):
        super().__init__()
        if getattr(model, 'backbone', None) is None:
            raise UserError(f'a {type(model).__name__} has no backbone to '
                            'measure alone: leave out --backbone')
        self.data_preprocessor = model.data_preprocessor
        self.backbone = model.backbone

    def extract_feat(self, inputs):
        """The features of all stages that the model uses."""
        return self.backbone(inputs)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        """Features, or with ``mode='loss'`` their mean."""
        features = self.extract_feat(inputs)
        if mode != 'loss':
            return features
        return dict(loss=sum(feature.mean() for feature in features))
