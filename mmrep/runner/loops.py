"""The train loops that DyRep supports, and their current positions."""
import copy
from typing import Any, Optional, Tuple

from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner

from .. import random_state
from ..custom_imports import type_name
from ..dyrep.schedule import Schedule
from ..errors import UserError

LOOPS = (EpochBasedTrainLoop, IterBasedTrainLoop)


def fit_loop(schedule: Schedule, loop: object) -> None:
    """Fit a schedule to a train loop; see :meth:`Schedule.fit`.

    Args:
        schedule: The schedule, which is changed in place.
        loop: The train loop of a Runner.

    Raises:
        UserError: The loop is of another type, or there would never be an
            event.
    """
    if not isinstance(loop, LOOPS):
        raise UserError('DyRepHook supports EpochBasedTrainLoop and '
                        'IterBasedTrainLoop, but the train loop is a '
                        f'{type(loop).__name__}')
    schedule.fit(
        isinstance(loop, EpochBasedTrainLoop), loop.max_epochs, loop.max_iters)


def fitted(schedule: Schedule, train_cfg: dict) -> Schedule:
    """Return a copy of a schedule that fits the train loop of a config.

    Args:
        schedule: The schedule, which stays as it is.
        train_cfg: The config of the train loop.

    Raises:
        UserError: There would never be an event.
    """
    out = copy.copy(schedule)
    by_epoch = type_name(train_cfg) != 'IterBasedTrainLoop' and (train_cfg.get(
        'by_epoch', True))
    out.fit(by_epoch, train_cfg.get('max_epochs'), train_cfg.get('max_iters'))
    return out


def moment(runner: Runner, batch_idx: int,
           schedule: Schedule) -> Tuple[int, int, int, Optional[int]]:
    """Return the position of a Runner, as arguments of :meth:`Schedule.left`.

    Args:
        runner: The Runner, which trains.
        batch_idx: Index of the batch, as mmengine passes it to hooks.
        schedule: The schedule, fitted to the train loop.
    """
    # a stream of iterations has no length
    length = len(runner.train_dataloader) if schedule.by_epoch else None
    return runner.epoch, runner.iter, batch_idx, length


def go_on_from(loop: object, state: dict) -> None:
    """Continue the random numbers of a resumed loop from where they were.

    Args:
        loop: The train loop, before its first epoch.
        state: The result of :func:`mmrep.random_state.save`.
    """
    if isinstance(loop, EpochBasedTrainLoop):
        random_state.restore(state)
    else:
        loop.dataloader_iterator = Resumed(loop, state)


class Resumed:
    """Batches of a resumed iteration-based loop.

    The loop draws again the batches that it has seen. After them, before it
    draws the next one, the random numbers continue from where they were saved.

    Args:
        loop: An ``IterBasedTrainLoop`` that was resumed.
        state: The result of :func:`mmrep.random_state.save`.
    """

    def __init__(self, loop: IterBasedTrainLoop, state: dict) -> None:
        self.loop = loop
        self.state = state
        self.batches = loop.dataloader_iterator
        # a loop of mmengine's maintained fork may skip the seen batches
        skips = getattr(loop, 'fast_forward_on_resume', False)
        self.left = 0 if skips else loop.iter

    def __next__(self) -> Any:
        if not self.left:
            random_state.restore(self.state)
            self.loop.dataloader_iterator = self.batches
        self.left -= 1
        return next(self.batches)

    def skip_iter(self, count: int) -> None:
        """Draw batches that the fork of mmengine would skip without loading.

        Pipelines that draw random numbers would otherwise continue as if from
        the start.

        Args:
            count: Number of batches.
        """
        for _ in range(count):
            next(self)
