"""The train loops that DyRep knows, and where they are."""
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

    Raises:
        UserError: The loop is another one, or there would never be an event.
    """
    if not isinstance(loop, LOOPS):
        raise UserError('DyRepHook knows EpochBasedTrainLoop and '
                        'IterBasedTrainLoop, the train loop is a '
                        f'{type(loop).__name__}')
    schedule.fit(
        isinstance(loop, EpochBasedTrainLoop), loop.max_epochs, loop.max_iters)


def fitted(schedule: Schedule, train_cfg: dict) -> Schedule:
    """Make a copy that fits the train loop of a config.

    Args:
        schedule: Stays as it is.
        train_cfg: Of the config.

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
    """Tell where a Runner is, as arguments of :meth:`Schedule.left`."""
    # a stream of iterations has no length
    length = len(runner.train_dataloader) if schedule.by_epoch else None
    return runner.epoch, runner.iter, batch_idx, length


def go_on_from(loop: object, state: dict) -> None:
    """Let the random numbers of a resumed loop go on from where they were.

    Args:
        loop: Before its first epoch.
        state: From :func:`mmrep.random_state.save`.
    """
    if isinstance(loop, EpochBasedTrainLoop):
        random_state.restore(state)
    else:
        loop.dataloader_iterator = Resumed(loop, state)


class Resumed:
    """The batches of an iteration-based loop that goes on.

    The loop draws those that it has seen again. Behind them, before the next
    one is drawn, the random numbers go on from where they were saved.

    Args:
        loop: An ``IterBasedTrainLoop`` that was resumed.
        state: From :func:`mmrep.random_state.save`.
    """

    def __init__(self, loop: IterBasedTrainLoop, state: dict) -> None:
        self.loop = loop
        self.state = state
        self.batches = loop.dataloader_iterator
        # in the maintained fork of mmengine a loop may leave them out
        skips = getattr(loop, 'fast_forward_on_resume', False)
        self.left = 0 if skips else loop.iter

    def __next__(self) -> Any:
        if not self.left:
            random_state.restore(self.state)
            self.loop.dataloader_iterator = self.batches
        self.left -= 1
        return next(self.batches)

    def skip_iter(self, count: int) -> None:
        """Draw batches: the fork asks for it, and would not load them.

        Pipelines that draw random numbers would then go on as if from the
        start.
        """
        for _ in range(count):
            next(self)
