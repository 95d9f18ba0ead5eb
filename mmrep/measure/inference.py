"""The forms of a config's model that run in inference, on random images."""
import copy
from contextlib import nullcontext

import torch
from torch.utils.flop_counter import FlopCounterMode

from ..deploy.verify import outputs
from ..errors import UserError, one_line
from ..fusing.net import fuse
from ..hosts import load_config
from ..nets.keep import keep_kernels
from ..nets.walk import branch_by_branch, rep_layers
from ..synthetic import synthetic_batch
from .timing import timed
from .training_step import model_for

BRANCHES, EVAL, KEPT = 'branch by branch', 'eval', 'kernels kept'
FUSED, PLAIN = 'fused', 'plain'
CONTEXTS = {BRANCHES: branch_by_branch, KEPT: keep_kernels}


class Inference:
    """Features and dense heads of a model, without gradients.

    Args:
        name (str): Path of its config.
        form (str): Branch by branch, eval, kernels kept, fused or plain.
        model (nn.Module): In eval mode.
        inputs (Tensor): Preprocessed images.
    """

    def __init__(self, name, form, model, inputs):
        self.name = name
        self.form = form
        self.model = model
        self.inputs = inputs
        self.context = CONTEXTS.get(form, nullcontext)

    def __call__(self):
        """Run once."""
        try:
            outputs(self.model, self.inputs)
        except Exception as error:  # whatever a model raises
            raise UserError(f'config {self.name!r} does not run on random '
                            f'images: {one_line(error)}') from error

    def timed(self):
        """Run once; return the seconds it takes, as a tuple of one."""
        with self.context(self.model):
            if self.form == KEPT:
                self()  # the kernels are made
            return timed(self)

    def parameters(self):
        """How many numbers there are to load."""
        return sum(p.numel() for p in self.model.parameters())

    def multiply_adds(self):
        """Of an image; where kernels are kept, without their making."""
        with self.context(self.model):
            self()
            with FlopCounterMode(display=False) as counter:
                self()
        return counter.get_total_flops() / 2 / len(self.inputs)


def inference_forms(path, size, batch_size):
    """All forms of a config's model, the last as it is deployed.

    Args:
        path (str): Of the config.
        size (tuple): Height and width of the images.
        batch_size (int): How many images.

    Returns:
        list: An :class:`Inference` branch by branch, in eval mode, with kept
        kernels and fused; of a model without re-parameterized layers only one.

    Raises:
        UserError: If there is no such model.
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
