"""What a model gives and costs, before and after an event."""
from typing import Any, Callable, Iterable, List, NamedTuple, Sequence

from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..nets.difference import relative_difference
from ..nets.walk import tensors
from .calibration import Run, untouched

Features = Callable[[Any], Any]
Progress = Callable[[Sequence, str], Iterable]


def as_they_are(batches: Sequence, task: str) -> Iterable:
    """Show no progress."""
    return batches


class Data(NamedTuple):
    """Batches to calibrate on, and how the model runs on them.

    ``run`` is the whole forward pass of training, which returns the loss,
    ``features`` a part that does without targets; ``progress`` is told what
    the batches are gone through for.

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
    """Features of a batch, with norms in eval mode and as in training.

    ``flops`` are multiply-adds of an image, as papers count them, of the
    training form; ``parameters`` those of the whole model.
    """

    frozen: List[Tensor]
    trained: List[Tensor]
    flops: float
    parameters: int


def look(model: nn.Module, batch: Any, features: Features) -> Look:
    """Run a model on a batch, and leave no trace.

    Args:
        model: In training mode.
        batch: Such as the model trains on.
        features: Runs it as far as it is compared.
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
    """``max |a - b| / max |a|``, the largest of all tensors."""
    return max(map(relative_difference, before, after))


def changes(before: Look, after: Look) -> List[float]:
    """Relative change of the features, norms in eval mode and as trained."""
    return [
        change(before.frozen, after.frozen),
        change(before.trained, after.trained)
    ]
