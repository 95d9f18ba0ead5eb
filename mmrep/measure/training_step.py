"""Run a config's training step on random images, without its data."""
import copy
from typing import Any, Sequence

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from torch import nn

from ..compat.quiet import quiet
from ..errors import UserError, one_line
from ..hosts import build_model
from ..runner.training import Training
from ..synthetic import LABELLED, synthetic_batch
from .backbone_alone import BackboneAlone
from .timing import Laps, Seconds

# with a larger one, random images would let the weights explode; with 0, the
# optimizer's new groups could not tell their multiple of it
LR = 1e-20


def training_model(cfg: Config, size: Sequence[int]) -> nn.Module:
    """Build the model of a config, on the device and in training mode.

    Args:
        cfg: The config from :func:`load_config`.
        size: The height and width of the images in pixels.

    Returns:
        The model with fresh weights and plain norms in place of SyncBN.

    Raises:
        UserError: The config has nothing to train, or its model cannot be
            built.
    """
    for key in ('model', 'optim_wrapper', 'train_cfg'):
        if not cfg.get(key):
            raise UserError(f'config {cfg.filename!r} has no `{key}`: '
                            'nothing can be trained')
    return model_for(cfg, size).train()


def model_for(cfg: Config, size: Sequence[int]) -> nn.Module:
    """Build the model of a config for images of a size, on the device.

    Args:
        cfg: The config from :func:`load_config`.
        size: The height and width of the images in pixels.

    Returns:
        The model with fresh weights and plain norms in place of SyncBN.

    Raises:
        UserError: The config has no model, or it cannot be built.
    """
    preprocessor = (cfg.get('model') or {}).get('data_preprocessor') or {}
    if preprocessor.get('size'):  # mmseg pads to the size of its crops
        preprocessor.size = tuple(size)
    return revert_sync_batchnorm(build_model(cfg)).to(get_device())


class TrainingStep(Training):
    """Forward, backward and optimizer of a config, as a call.

    As a ``Training`` its model may evolve. It has no hooks and no schedulers.

    Args:
        cfg: The config of the model, the host and the optimizer.
        model: The model from :func:`training_model`.
        size: The height and width of the images in pixels.
        batch_size: The number of images in a batch.

    Raises:
        UserError: The optimizer cannot be built, or the host's losses need
            labels that cannot be drawn at random.
    """

    hooks = param_schedulers = ()

    def __init__(self, cfg: Config, model: nn.Module, size: Sequence[int],
                 batch_size: int) -> None:
        if cfg.default_scope not in LABELLED and not isinstance(
                model, BackboneAlone):
            raise UserError(
                f'there are no random labels for {cfg.default_scope} '
                f'(`default_scope` of config {cfg.filename!r}): measure it '
                'with --backbone or --inference')
        wrapper = copy.deepcopy(cfg.optim_wrapper)
        wrapper.pop('accumulative_counts', None)  # makes all steps alike
        try:
            wrapper.optimizer.lr = LR
            with quiet():
                self.optim_wrapper = build_optim_wrapper(model, wrapper)
        except Exception as error:  # whatever a constructor raises
            raise UserError('cannot build the optimizer of config '
                            f'{cfg.filename!r}: {one_line(error)}') from error
        self.cfg = dict(optim_wrapper=wrapper)
        self.name = cfg.filename
        self.model = model
        self.batch = synthetic_batch(cfg.default_scope, tuple(size),
                                     batch_size)

    def __call__(self) -> None:
        """Take a step."""
        # preprocessors change their input
        self._step(copy.deepcopy(self.batch))
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    def timed(self) -> Seconds:
        """Take a step and time it.

        Returns:
            The seconds of forward, backward and optimizer, which sum to those
            of the step.
        """
        return self._parts(copy.deepcopy(self.batch), Laps())

    def _parts(self, batch: Any, laps: Laps) -> Seconds:
        """Take a step and return its three parts, as a stopwatch reads."""
        backward = self.optim_wrapper.backward

        def watched(*args, **kwargs) -> None:
            laps.lap()
            backward(*args, **kwargs)
            laps.lap()

        self.optim_wrapper.backward = watched
        try:
            self._step(batch)
        finally:
            del self.optim_wrapper.backward
        laps.lap()
        # a model may have several losses, one after the other
        *_, optimizer = laps.seconds
        return (sum(laps.seconds[:-1:2]), sum(laps.seconds[1::2]), optimizer)

    def _step(self, batch: Any) -> None:
        try:
            self._train(batch)
        except Exception as error:  # whatever a model raises
            told = one_line(error) or type(error).__name__
            raise UserError(f'config {self.name!r} takes no training step on '
                            f'random images: {told}') from error

    def _train(self, batch: Any) -> None:
        self.model.train_step(batch, self.optim_wrapper)
