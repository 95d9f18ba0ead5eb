"""Measure the forms of a config's model in inference, on random images."""
import copy
from contextlib import nullcontext
from typing import List, Sequence

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..deploy.verify import outputs
from ..errors import UserError, one_line
from ..fusing.net import fuse
from ..hosts import load_config
from ..nets.keep import keep_kernels
from ..nets.walk import branch_by_branch, rep_layers
from ..synthetic import synthetic_batch
from .timing import Seconds, timed
from .training_step import model_for

BRANCHES, EVAL, KEPT = 'branch by branch', 'eval', 'kernels kept'
FUSED, PLAIN = 'fused', 'plain'
CONTEXTS = {BRANCHES: branch_by_branch, KEPT: keep_kernels}


class Inference:
    """Features and dense heads of a model, without gradients.

    Args:
        name: The path of the config.
        form: The name of the form: ``BRANCHES``, ``EVAL``, ``KEPT``,
            ``FUSED`` or ``PLAIN``.
        model: The model in eval mode.
        inputs: The preprocessed images.
    """

    def __init__(self, name: str, form: str, model: nn.Module,
                 inputs: Tensor) -> None:
        self.name = name
        self.form = form
        self.model = model
        self.inputs = inputs
        self.context = CONTEXTS.get(form, nullcontext)

    def __call__(self) -> None:
        """Run the model once."""
        try:
            outputs(self.model, self.inputs)
        except Exception as error:  # whatever a model raises
            raise UserError(f'config {self.name!r} does not run on random '
                            f'images: {one_line(error)}') from error

    def timed(self) -> Seconds:
        """Run the model once and return its seconds, as a tuple of one."""
        with self.context(self.model):
            if self.form == KEPT:
                self()  # makes the kernels
            return timed(self)

    def parameters(self) -> int:
        """Return the number of parameters."""
        return sum(p.numel() for p in self.model.parameters())

    def multiply_adds(self) -> float:
        """Return the multiply-adds per image, without making kept kernels."""
        with self.context(self.model):
            self()
            with FlopCounterMode(display=False) as counter:
                self()
        return counter.get_total_flops() / 2 / len(self.inputs)


def inference_forms(path: str, size: Sequence[int],
                    batch_size: int) -> List[Inference]:
    """Build all forms of a config's model; the last one is deployed.

    Args:
        path: The path of the config.
        size: The height and width of the images in pixels.
        batch_size: The number of images in a batch.

    Returns:
        An :class:`Inference` branch by branch, one in eval mode, one with
        kept kernels and one fused; a single one for a plain net.

    Raises:
        UserError: The config cannot be read, or its model cannot be built.
    """
    cfg = load_config(path)
    model = model_for(cfg, size).eval()
    batch = synthetic_batch(cfg.default_scope, tuple(size), batch_size)
    with torch.no_grad():
        inputs = model.data_preprocessor(copy.deepcopy(batch))['inputs']
    if any(rep_layers(model)):
        models = dict.fromkeys((BRANCHES, EVAL, KEPT), model)
        models[FUSED] = fuse(model)
    else:
        models = {PLAIN: model}
    return [
        Inference(path, form, each, inputs) for form, each in models.items()
    ]
