"""Inputs that a model may run on, and running it on them."""
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

# what a model has on top of its features
HEADS = ('rpn_head', 'bbox_head', 'decode_head', 'auxiliary_head', 'head')
WRAPPERS = (BaseAveragedModel, BaseTTAModel)
# what is no result, and may hold a whole net
OPAQUE = (nn.Module, ModuleType, type, str, bytes, int, float, torch.device,
          torch.dtype)
# most nets run on small images; some have a fixed size, that of their data
SIZES = (64, 224, 32, 28, 128, 256, 512, 16)


def image_channels(model: nn.Module) -> int:
    """How many channels an image has: what the first convolution reads.

    But for the Focus of YOLOX, which makes four channels of each.
    """
    modules = list(getattr(model, 'backbone', model).modules())
    four = any(type(module).__name__ == 'Focus' for module in modules)
    channels = (
        module.in_channels for module in modules
        if isinstance(module, (nn.Conv2d, RepConv2d)))
    found = next(channels, 3)
    return found // 4 if four else found


def random_images(model: nn.Module) -> Iterator[tuple]:
    """Arguments that many a model takes: one image, of several sizes."""
    like = next((p for p in model.parameters() if p.is_floating_point()), None)
    kind = {} if like is None else dict(device=like.device, dtype=like.dtype)
    for size in SIZES:
        yield torch.randn(1, image_channels(model), size, size).to(**kind),


def other_images(image: Tensor) -> Iterator[tuple]:
    """Arguments in another form: a batch of two, of another size if it can."""
    channels, size = image.shape[1:3]
    for side in (128 if size != 128 else 192, size):
        yield torch.randn(2, channels, side, side).to(image),


def arguments_of(example: Any) -> tuple:
    """The arguments that a user gives as an example.

    Raises:
        UserError: It is neither a tensor nor a tuple or list.
    """
    if isinstance(example, Tensor):
        return example,
    if isinstance(example, (tuple, list)):
        return tuple(example)
    raise UserError(
        f'`example` (={str(example)[:40]!r}) must be a tensor, or a tuple of '
        'the arguments that the forward of the model takes')


def inner(model: nn.Module) -> nn.Module:
    """The model inside of wrappers such as DDP and torch.compile."""
    model = without_compiler(model)
    while is_model_wrapper(model) or isinstance(model, WRAPPERS):
        model = without_compiler(model.module)
    return model


def ways(model: nn.Module) -> List[Callable[..., Any]]:
    """How a model can be run on its arguments, in eval mode.

    The forward of a host's model gives less than what predictions are made
    of; so its heads are run as well, where it has some.
    """
    found = [model]
    if isinstance(model, BaseModel) and hasattr(model, 'extract_feat'):
        found.append(partial(outputs, model))
        if getattr(model, 'roi_head', None) is not None:
            found.append(partial(region_outputs, model))
    return found


def fresh(arguments: tuple) -> tuple:
    """A copy of arguments: a model may change them in place."""
    return tree_map(
        lambda value: value.detach().clone()
        if isinstance(value, Tensor) else copy.deepcopy(value), arguments)


def tensors_in(value: Any) -> List[Tensor]:
    """Those in containers and in the attributes of objects, however deep."""
    found, seen = [], {}

    def walk(value: Any) -> None:
        if isinstance(value, Tensor):
            found.append(value)
        elif id(value) not in seen and not isinstance(value, OPAQUE):
            seen[id(value)] = value  # held, so that no id comes back
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
    """The features of a model, and what its dense heads make of them."""
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
    # a head without a forward has nn.Module's, which takes `*input`
    return [p.kind
            for p in required] == [inspect.Parameter.POSITIONAL_OR_KEYWORD]


def region_outputs(model: nn.Module, x: Tensor) -> List[Tensor]:
    """What the heads of a two-stage detector make of a few regions."""
    batch = synthetic_batch('mmdet', tuple(x.shape[2:]), len(x))
    samples = batch['data_samples']
    for sample in samples:
        boxes = sample.gt_instances.bboxes
        sample.gt_instances.bboxes = boxes.to(x.device, x.dtype)
    regions = [sample.gt_instances for sample in samples]
    features = model.extract_feat(x)
    return list(tensors(model.roi_head(features, regions, samples)))
