"""A host's model that gives a file the pixels of images as they are read."""
from typing import Any

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from ..errors import UserError


def serve_pixels(model: nn.Module, loader: str) -> None:
    """Let ``predict`` of a model have raw images, one by one.

    Args:
        model: The model, changed in place.
        loader: The name of the dataloader of the images, for messages.
    """
    predict = model.predict

    def one_by_one(images: list, samples: list) -> list:
        return [predict(x, [s])[0] for x, s in zip(images, samples)]

    model.data_preprocessor = _Pixels(model.data_preprocessor, loader)
    model.predict = one_by_one


class _Pixels(nn.Module):
    """A host's preprocessor whose meta information alone is used.

    Args:
        preprocessor: The host's own.
        loader: The name of the dataloader of the images, for messages.
    """

    def __init__(self, preprocessor: nn.Module, loader: str) -> None:
        super().__init__()
        self.preprocessor = preprocessor
        self.loader = loader

    def forward(self, data: dict, training: bool = False) -> Any:
        """Return the samples with raw images, a list of (1, C, H, W).

        The pixels are floats, for the host's code that infers by crops.

        Args:
            data: The batch of a dataloader.
            training: The flag of the host's preprocessor. Defaults to False.

        Raises:
            UserError: The images are not uint8.
        """
        images = list(data['inputs'])
        for image in images:
            if image.dtype != torch.uint8:
                raise UserError(
                    'the file takes raw images of uint8 and the pipeline of '
                    f'`{self.loader}` gives {image.dtype}: export the net '
                    'without --with-preprocessing')
        samples = [
            self._sample(image, sample, training)
            for image, sample in zip(images, data['data_samples'])
        ]
        return dict(
            inputs=[image[None].float() for image in images],
            data_samples=samples)

    def _sample(self, image: Tensor, sample: BaseDataElement,
                training: bool) -> BaseDataElement:
        """Return a sample with the meta information of its own image."""
        data = self.preprocessor(
            dict(inputs=[image], data_samples=[sample]), training)
        sample, = data['data_samples']
        if 'img_padding_size' in sample.metainfo:  # mmseg would cut it off
            sample.set_metainfo(dict(img_padding_size=[0] * 4))
        return sample
