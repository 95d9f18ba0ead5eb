"""Measure the accuracy of an ONNX file with the config's own evaluator."""
import copy
from typing import Callable, Dict, Iterable

import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..compat.modules import shallow_copy
from ..compat.quiet import quiet
from ..errors import UserError
from .onnx_check import check_takes, run, session


def check_served(model: nn.Module, data: bytes,
                 images: Iterable[Tensor] = ()) -> None:
    """Refuse a net or images with which INT8 would fail later.

    Args:
        model: The net in torch.
        data: The bytes of an ONNX file of the whole net.
        images: The images the net will get. Defaults to none.

    Raises:
        UserError: The net has no head, several outputs, or a graph that does
            not take an image.
    """
    runs = session(data)
    heads = [getattr(model, name, None) for name in ('decode_head', 'head')]
    outputs = len(runs.get_outputs())
    if heads == [None, None] or outputs != 1:
        raise UserError(
            f'cannot evaluate this {type(model).__name__} in INT8: it must '
            f'have a head that gives one tensor of logits, and has {outputs} '
            'outputs: export it with tools/export_onnx.py')
    for image in images:
        check_takes(runs, image.shape)


def served(model: nn.Module, data: bytes) -> nn.Module:
    """Return a segmentor or classifier whose logits onnxruntime computes.

    The host still preprocesses, infers by crops and forms the results.

    Args:
        model: The net in torch, which stays as it is.
        data: The bytes of an ONNX file of the net up to its logits.
    """
    model = shallow_copy(model)
    logits = _Logits(data)
    if hasattr(model, 'encode_decode'):
        model.encode_decode = lambda inputs, *_: logits(inputs)
        return model
    model.extract_feat = lambda inputs, *_, **__: inputs
    model.head = copy.copy(model.head)
    model.head.forward = logits
    return model


class _Logits:
    """An onnxruntime session as a function from images to logits."""

    def __init__(self, data: bytes) -> None:
        self.session = session(data)

    def __call__(self, inputs: Tensor) -> Tensor:
        check_takes(self.session, inputs.shape)
        return run(self.session, inputs)[0]


@torch.no_grad()
def evaluate(cfg: Config,
             model: nn.Module,
             loader: DataLoader,
             track: Callable[[Iterable], Iterable] = iter) -> Dict[str, float]:
    """Evaluate a model on the data of a loader.

    Args:
        cfg: The config, with a ``val_evaluator``.
        model: The model in eval mode.
        loader: The loader of the data.
        track: The function that yields the batches and shows the progress.
            Defaults to iter, which shows none.

    Returns:
        The evaluator's metrics that are numbers, by name.
    """
    with quiet('ERROR'):
        evaluator = Evaluator(copy.deepcopy(cfg.val_evaluator))
    evaluator.dataset_meta = getattr(loader.dataset, 'metainfo', None)
    for batch in track(loader):
        results = model.test_step(batch)
        evaluator.process(data_samples=results, data_batch=batch)
    with quiet('ERROR'):
        found = evaluator.evaluate(len(loader.dataset))
    return {
        name: float(value)
        for name, value in found.items()
        if isinstance(value, (int, float)) or getattr(value, 'size', 0) == 1
    }
