"""A model's features and its cost, compared before and after an event."""
from typing import Any, Callable, Iterable, List, NamedTuple, Sequence

from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..nets.difference import relative_difference
from ..nets.walk import tensors
from .calibration import Run, untouched

Features = Callable[[Any], Any]
Progress = Callable[[Sequence, str], Iterable]


def as_they_are(batches: Sequence, task: str) -> Iterable:
    """Return the batches as they are, without a display of progress.

    Args:
        batches: The batches to go through.
        task: The purpose, which a display would name.
    """
    return batches


class Data(NamedTuple):
    """Batches to calibrate on, with functions that run the model on them.

    Attributes:
        batches: The batches, like those that the model trains on.
        run: Function of a batch: the whole forward pass of training, which
            returns the loss.
        features: Function of a batch: a forward pass that needs no targets.
        progress: Function of the batches and of the name of a task: returns
            the batches and may show progress. Defaults to one that shows none.

    Examples:
        >>> import torch
        >>> from mmrep.dyrep import Data
        >>> net = torch.nn.Conv2d(3, 4, 3)
        >>> batches = [torch.randn(2, 3, 8, 8)]
        >>> data = Data(batches, run=lambda x: net(x).sum(), features=net)
        >>> tuple(data.features(data.batches[0]).shape)
        (2, 4, 6, 6)
    """

    batches: Sequence
    run: Run
    features: Features
    progress: Progress = as_they_are


class Look(NamedTuple):
    """Features of a batch, and the cost of the model.

    Attributes:
        frozen: The features with all norms in eval mode.
        trained: The features as in training.
        flops: Multiply-adds of the training form for one image, as papers
            count them.
        parameters: Number of parameters of the whole model.
    """

    frozen: List[Tensor]
    trained: List[Tensor]
    flops: float
    parameters: int


def look(model: nn.Module, batch: Any, features: Features) -> Look:
    """Run a model on a batch and leave the model as it is.

    Args:
        model: The model, in training mode.
        batch: A batch like those that the model trains on.
        features: Function of the batch that returns the features to compare.
    """
    with untouched(model), FlopCounterMode(display=False) as counter:
        trained = [t.float() for t in tensors(features(batch))]
    with untouched(model):
        for module in model.modules():
            if hasattr(module, 'track_running_stats'):  # all norms of torch
                module.eval()
        frozen = [t.float() for t in tensors(features(batch))]
    images = len(trained[0])
    return Look(frozen, trained,
                counter.get_total_flops() / 2 / images,
                sum(p.numel() for p in model.parameters()))


def change(before: List[Tensor], after: List[Tensor]) -> float:
    """Return the largest ``max |a - b| / max |a|`` of all pairs of tensors.

    Args:
        before: The features before an event.
        after: The same features after it.
    """
    return max(map(relative_difference, before, after))


def changes(before: Look, after: Look) -> List[float]:
    """Return two relative changes of the features.

    Args:
        before: The look before an event.
        after: The look after it.

    Returns:
        The change with norms in eval mode, then the change as in training.
    """
    return [
        change(before.frozen, after.frozen),
        change(before.trained, after.trained)
    ]
