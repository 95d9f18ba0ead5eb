"""Measure the accuracy of a model with the config's own evaluator."""
import contextlib
import copy
import io
from typing import Callable, Dict, Iterable, Iterator

import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from torch import nn
from torch.utils.data import DataLoader

from ..compat.quiet import quiet
from ..errors import UserError, brief


@torch.no_grad()
def evaluate(cfg: Config,
             model: nn.Module,
             loader: DataLoader,
             track: Callable[[Iterable], Iterable] = iter,
             by: str = 'val_evaluator') -> Dict[str, float]:
    """Evaluate a model on the data of a loader.

    Args:
        cfg: The config, with an evaluator.
        model: The model in eval mode.
        loader: The loader of the data.
        track: The function that yields the batches and shows the progress.
            Defaults to iter, which shows none.
        by: The name of the evaluator. Defaults to 'val_evaluator'.

    Returns:
        The evaluator's metrics that are numbers, by name.

    Raises:
        UserError: The evaluator cannot be built, an image cannot be read, or
            the model does not run on it.
    """
    evaluator = evaluator_of(cfg, by)
    evaluator.dataset_meta = getattr(loader.dataset, 'metainfo', None)
    try:
        for batch in track(loader):
            results = model.test_step(batch)
            evaluator.process(data_samples=results, data_batch=batch)
        with _silent():
            found = evaluator.evaluate(len(loader.dataset))
    except UserError:
        raise
    except Exception as error:  # whatever a dataset, host or metric raises
        raise UserError(
            f'cannot evaluate on the data of config {cfg.filename!r}: '
            f'{brief(error)}') from error
    return {
        name: float(value)
        for name, value in found.items()
        if isinstance(value, (int, float)) or getattr(value, 'size', 0) == 1
    }


def evaluator_of(cfg: Config, by: str) -> Evaluator:
    """Build an evaluator of a config.

    Args:
        cfg: The config.
        by: The name of the evaluator.

    Raises:
        UserError: It cannot be built.
    """
    try:
        with _silent():
            return Evaluator(copy.deepcopy(cfg[by]))
    except Exception as error:  # whatever a metric raises
        raise UserError(f'cannot build `{by}` of config {cfg.filename!r}: '
                        f'{brief(error)}') from error


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Hide the tables that evaluators log and pycocotools prints."""
    with quiet('ERROR'), contextlib.redirect_stdout(io.StringIO()):
        yield
