"""Training steps of a config with DyRepHook at moments of its training."""
import copy
from typing import Callable, Dict, List, Sequence, Tuple

from mmengine.config import Config
from torch import nn

from ..cli.dyrep import due_steps
from ..dyrep import Evolution
from ..dyrep.schedule import Schedule
from ..hooks import DyRepHook
from ..runner.batches import data_of
from ..runner.loops import fitted
from ..runner.refreshing import evolve
from .training_step import TrainingStep

HALF, END = 'half-way', 'at the end'


def moments_of(schedule: Schedule, train_cfg: dict) -> Dict[str, int]:
    """Return the number of events before each moment of a training.

    Args:
        schedule: The schedule of the training, which stays as it is.
        train_cfg: The ``train_cfg`` of the training.

    Raises:
        UserError: There would never be an event, or the length of the
            training is not known without its data.
    """
    end = fitted(schedule, train_cfg).end
    # a run as long as the training has the steps of the training
    due = due_steps(schedule, train_cfg, end or 1)
    return {HALF: sum(step <= end / 2 for step in due), END: len(due)}


def evolving_steps(
    cfg: Config,
    model: nn.Module,
    hook: DyRepHook,
    size: Sequence[int],
    batch_size: int,
    progress: Callable[[int, int], object],
    make: Callable[..., TrainingStep] = TrainingStep
) -> List[Tuple[str, TrainingStep]]:
    """Let a model grow as in its training, and return its steps.

    The learning rate is next to nothing and the images are random. The model
    grows where the scores of fresh weights are highest and cuts nothing, so a
    training with the same growth costs at most as much.

    Args:
        cfg: The config of the model, the host and the optimizer.
        model: The plain model from ``training_model``, which evolves.
        hook: The hook that has the options of the method.
        size: The height and width of the images in pixels.
        batch_size: The number of images in a batch.
        progress: The function to call with the number of events so far and
            of all events.
        make: The class of the steps that are returned. Defaults to
            TrainingStep.

    Returns:
        Pairs of a moment and a :class:`TrainingStep`.

    Raises:
        UserError: The config does not allow the model to evolve.
    """
    hook.check(model, cfg)
    moments = moments_of(hook.schedule, cfg.train_cfg)
    step = TrainingStep(cfg, model, size, batch_size)
    evolution = hook.evolution_of(model)
    found = []
    for event in range(moments[END] + 1):
        if event:
            progress(event - 1, moments[END])
            _evolve(step, evolution, hook.calibration_batches, event)
        found += [(moment, make(cfg, copy.deepcopy(model), size, batch_size))
                  for moment, last in moments.items() if last == event]
    return found


def _evolve(step: TrainingStep, evolution: Evolution, batches: int,
            event: int) -> None:
    """Take one training step, then the event that its scores lead to."""
    scores = evolution.new_scores()
    handle = scores.watch(step.optim_wrapper.optimizer)
    step()
    handle.remove()
    data = data_of(step, [step.batch] * batches)
    evolve(step, evolution, event, scores, data)
