"""The accuracy of an ONNX file, by the config's own evaluator."""
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
    """Refuse what INT8 would fail at after a while.

    Args:
        model: The net in torch.
        data: The bytes of a file with all of it.
        images: Inputs that it will get. Defaults to none.

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
    """A segmentor or classifier whose logits onnxruntime computes.

    Its preprocessing, inference by crops and results stay the host's.

    Args:
        model: The net in torch; it stays as it is.
        data: The bytes of a file with all of it, up to the logits.
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
    """A session as a function."""

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
    """The metrics of a model on a loader's data.

    Args:
        cfg: With a ``val_evaluator``.
        model: In eval mode.
        loader: Of the data.
        track: Shows how far it is. Defaults to iter, nothing.

    Returns:
        The numbers by name, as the evaluator gives them.
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
