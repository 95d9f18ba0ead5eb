"""Guess inputs of a model, and run the model on them."""
import copy
import inspect
from collections import deque
from collections.abc import Mapping
from functools import partial
from types import ModuleType
from typing import Any, Callable, Iterator, List

import torch
from mmengine.model import (BaseAveragedModel, BaseModel, BaseTTAModel,
                            is_model_wrapper)
from torch import Tensor, nn

from ..compat.compiling import without_compiler
from ..compat.pytree import tree_map
from ..errors import UserError
from ..layers import RepConv2d
from ..nets.walk import tensors
from ..synthetic import synthetic_batch

# attributes of a model that take its features
HEADS = ('rpn_head', 'bbox_head', 'decode_head', 'auxiliary_head', 'head')
WRAPPERS = (BaseAveragedModel, BaseTTAModel)
# types of values that are no results, and may hold a whole net
OPAQUE = (nn.Module, ModuleType, type, str, bytes, int, float, torch.device,
          torch.dtype)
# pixels; most nets run on small images, some only on the size of their data
SIZES = (64, 224, 32, 28, 128, 256, 512, 16)


def image_channels(model: nn.Module) -> int:
    """Return the number of an image's channels.

    It is the number of input channels of the first convolution. The Focus of
    YOLOX makes four channels of each, so there it is a quarter.
    """
    modules = list(getattr(model, 'backbone', model).modules())
    four = any(type(module).__name__ == 'Focus' for module in modules)
    channels = (
        module.in_channels for module in modules
        if isinstance(module, (nn.Conv2d, RepConv2d)))
    found = next(channels, 3)
    return found // 4 if four else found


def random_images(model: nn.Module) -> Iterator[tuple]:
    """Yield guesses of a model's arguments: one image, in several sizes."""
    like = next((p for p in model.parameters() if p.is_floating_point()), None)
    kind = {} if like is None else dict(device=like.device, dtype=like.dtype)
    for size in SIZES:
        yield torch.randn(1, image_channels(model), size, size).to(**kind),


def other_images(image: Tensor) -> Iterator[tuple]:
    """Yield batches of two images, first in another size, then in the same."""
    channels, size = image.shape[1:3]
    for side in (128 if size != 128 else 192, size):
        yield torch.randn(2, channels, side, side).to(image),


def arguments_of(example: Any) -> tuple:
    """Return the arguments that a user gives as an example.

    Raises:
        UserError: ``example`` is neither a tensor nor a tuple or list.
    """
    if isinstance(example, Tensor):
        return example,
    if isinstance(example, (tuple, list)):
        return tuple(example)
    raise UserError(
        f'`example` (={str(example)[:40]!r}) must be a tensor, or a tuple of '
        'the arguments that the forward of the model takes')


def inner(model: nn.Module) -> nn.Module:
    """Return the model inside wrappers such as DDP and torch.compile."""
    model = without_compiler(model)
    while is_model_wrapper(model) or isinstance(model, WRAPPERS):
        model = without_compiler(model.module)
    return model


def ways(model: nn.Module) -> List[Callable[..., Any]]:
    """Return the functions that run a model on its arguments, in eval mode.

    The forward of a host's model returns less than its predictions need, so
    its heads, if it has some, run as well.
    """
    found = [model]
    if isinstance(model, BaseModel) and hasattr(model, 'extract_feat'):
        found.append(partial(outputs, model))
        if getattr(model, 'roi_head', None) is not None:
            found.append(partial(region_outputs, model))
    return found


def fresh(arguments: tuple) -> tuple:
    """Return a copy of arguments, since a model may change them in place."""
    return tree_map(
        lambda value: value.detach().clone()
        if isinstance(value, Tensor) else copy.deepcopy(value), arguments)


def tensors_in(value: Any) -> List[Tensor]:
    """Return the tensors in nested containers and attributes of objects."""
    found, seen = [], {}

    def walk(value: Any) -> None:
        if isinstance(value, Tensor):
            found.append(value)
        elif id(value) not in seen and not isinstance(value, OPAQUE):
            seen[id(value)] = value  # this keeps the object, so ids are unique
            for item in _items(value):
                walk(item)

    walk(value)
    return found


def _items(value: Any) -> list:
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, (list, tuple, set, deque)):
        return list(value)
    slots = [
        name for kind in type(value).__mro__
        for name in vars(kind).get('__slots__', ()) if hasattr(value, name)
    ]
    return [
        *getattr(value, '__dict__', {}).values(),
        *(getattr(value, name) for name in slots)
    ]


@torch.no_grad()
def outputs(model: nn.Module, x: Tensor) -> List[Tensor]:
    """Return the features of a model and the outputs of its dense heads.

    Args:
        model: A model of a host, with ``extract_feat``.
        x: A batch of images.
    """
    features = model.extract_feat(x)
    found = list(tensors(features))
    for name in HEADS:
        head = getattr(model, name, None)
        if head is not None and _takes_features_alone(head):
            found += tensors(head(features))
    return found


def _takes_features_alone(head: nn.Module) -> bool:
    if isinstance(head, (nn.ModuleList, nn.Sequential)):
        return False
    parameters = inspect.signature(head.forward).parameters.values()
    required = [p for p in parameters if p.default is p.empty]
    # a head without its own forward has nn.Module's, which takes `*input`
    return [p.kind
            for p in required] == [inspect.Parameter.POSITIONAL_OR_KEYWORD]


def region_outputs(model: nn.Module, x: Tensor) -> List[Tensor]:
    """Return the outputs of a two-stage detector's heads on a few regions.

    Args:
        model: A detector of mmdet, with a ``roi_head``.
        x: A batch of images.
    """
    batch = synthetic_batch('mmdet', tuple(x.shape[2:]), len(x))
    samples = batch['data_samples']
    for sample in samples:
        boxes = sample.gt_instances.bboxes
        sample.gt_instances.bboxes = boxes.to(x.device, x.dtype)
    regions = [sample.gt_instances for sample in samples]
    features = model.extract_feat(x)
    return list(tensors(model.roi_head(features, regions, samples)))
