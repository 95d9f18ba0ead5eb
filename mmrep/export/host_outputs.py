"""What a host's own code makes of decoded images."""
from functools import partial
from typing import Callable, List, NamedTuple, Tuple

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from .input_kinds import IMAGES, InputKind
from .onnx_parts import Part
from .pixel_labels import scores_of

Given = Tuple[Tensor, Tuple[int, int]]  # images, and sizes without padding


class Prepared(NamedTuple):
    """What a data preprocessor of a host returns.

    Attributes:
        x: The images that the net takes, (N, C, H, W).
        size: The height and width of the images without padding, in pixels.
        samples: What the host knows about each image, as its metainfo.
    """

    x: Tensor
    size: Tuple[int, int]
    samples: List[BaseDataElement]


def prepared(model: nn.Module, images: Tensor) -> Prepared:
    """Preprocess decoded images by the host's code, as in a test.

    Args:
        model: The model of a host.
        images: The images (N, H, W, C).
    """
    size = tuple(images.shape[1:3])
    data = model.data_preprocessor(
        dict(
            inputs=list(images.permute(0, 3, 1, 2)),
            data_samples=_samples(size, len(images))), False)
    return Prepared(data['inputs'], size, data['data_samples'])


def as_given(x: Tensor) -> Prepared:
    """Return preprocessed images as if a host had not padded them."""
    size = tuple(x.shape[2:])
    return Prepared(x, size, _samples(size, len(x)))


def decoded(batch: dict, training: bool = False) -> dict:
    """Return a batch of a dataset as files with preprocessing take it.

    Args:
        batch: The batch, with images of (C, H, W) as ``inputs``.
        training: Ignored; data preprocessors have this argument. Defaults to
            False.
    """
    return dict(batch, inputs=torch.stack(batch['inputs']).permute(0, 2, 3, 1))


def _samples(size: Tuple[int, int], count: int) -> List[BaseDataElement]:
    meta = dict(ori_shape=size, img_shape=size)
    return [BaseDataElement(metainfo=meta) for _ in range(count)]


def preparation(model: nn.Module,
                kind: InputKind) -> Callable[[Tensor], Given]:
    """Return the function from a kind of input to what a net takes.

    Args:
        model: The model of a host, whose preprocessor decoded images get.
        kind: The kind of input.

    Returns:
        A function to the preprocessed images, and their height and width
        without padding.
    """
    prepare = _prepare(model, kind)
    return lambda images: prepare(images)[:2]


def _prepare(model: nn.Module,
             kind: InputKind) -> Callable[[Tensor], Prepared]:
    return partial(prepared, model) if kind is IMAGES else as_given


def host_function(part: Part) -> Callable[[Tensor], tuple]:
    """Return the function of a part as the host's own code computes it.

    Args:
        part: The part, in eval mode, which makes no boxes.

    Returns:
        A function from what the part takes to a tuple of tensors: the scores
        and labels of pixels if these are asked for, or else what the part
        returns.
    """
    prepare = _prepare(part.model, part.takes)
    compute = partial(_way(part), part.model)
    return lambda images: compute(prepare(images))


def _way(part: Part) -> Callable[[nn.Module, Prepared], tuple]:
    if part.labels:
        return labelled_pixels
    if part.part == 'whole' and hasattr(part.model, 'encode_decode'):
        return logits_of_pixels
    inner = Part(part.model, part.part)
    return lambda _, given: inner(given.x)


def logits_of_pixels(model: nn.Module, given: Prepared) -> Tuple[Tensor]:
    """Return a segmentor's logits (N, C, H, W) without those of padding."""
    logits = _padded_logits(model, given)
    return logits[..., :given.size[0], :given.size[1]],


def labelled_pixels(model: nn.Module,
                    given: Prepared) -> Tuple[Tensor, Tensor]:
    """Return scores (N, L, H, W) and mmseg's labels (N, H, W) of pixels."""
    logits = _padded_logits(model, given)
    results = model.postprocess_result(logits, given.samples)
    labels = torch.cat([result.pred_sem_seg.data for result in results])
    own = logits[..., :given.size[0], :given.size[1]]
    return scores_of(model, own), labels.long()


def _padded_logits(model: nn.Module, given: Prepared) -> Tensor:
    return model.encode_decode(given.x,
                               [sample.metainfo for sample in given.samples])
