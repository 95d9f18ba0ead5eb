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
    """
    with _silent():
        evaluator = Evaluator(copy.deepcopy(cfg[by]))
    evaluator.dataset_meta = getattr(loader.dataset, 'metainfo', None)
    for batch in track(loader):
        results = model.test_step(batch)
        evaluator.process(data_samples=results, data_batch=batch)
    with _silent():
        found = evaluator.evaluate(len(loader.dataset))
    return {
        name: float(value)
        for name, value in found.items()
        if isinstance(value, (int, float)) or getattr(value, 'size', 0) == 1
    }


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Hide the tables that evaluators log and pycocotools prints."""
    with quiet('ERROR'), contextlib.redirect_stdout(io.StringIO()):
        yield
