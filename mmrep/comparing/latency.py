"""How long deployed nets take for an image."""
from typing import Dict, Sequence

import torch
from mmengine.device import get_device

from ..cli.calibration import validation_images
from ..errors import UserError
from ..hosts import load_config
from ..measure.inference import PLAIN, Inference
from ..measure.timing import alternate
from .deployed import deployed_files, deployed_net
from .plan import Run

ROUNDS = 30


def latencies(runs: Sequence[Run], rounds: int = ROUNDS) -> Dict[str, float]:
    """Return the seconds of each deployed net for one validation image.

    A config without validations gives an image of its test set.

    The nets run in turn, features and dense heads, without what comes behind
    them. The numbers are medians.

    Args:
        runs: A finished run of each net.
        rounds: The number of times that each runs. Defaults to 30.

    Raises:
        UserError: A deployed net cannot be loaded, or there is no image.
    """
    forms = [_form(run) for run in runs]
    with torch.no_grad():
        seconds = alternate(forms, rounds)
    return {run.net: each for run, each in zip(runs, seconds)}


def _form(run: Run) -> Inference:
    """Return the deployed net of a run, with an image."""
    config, checkpoint = deployed_files(run.config, run.folder)
    model = deployed_net(config, checkpoint)
    cfg = load_config(config)
    cfg.val_dataloader = cfg.get('val_dataloader') or cfg.test_dataloader
    images = validation_images(cfg, model.data_preprocessor, 1)
    if not images:
        raise UserError(f'config {config!r} has no validation image')
    device = get_device()
    return Inference(config, PLAIN, model.to(device), images[0].to(device))
