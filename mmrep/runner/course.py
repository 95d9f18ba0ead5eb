"""An evolution in the course of a training."""
import copy
from collections import deque
from typing import Any, Callable, Iterable, Optional

import torch
from mmengine.dist import all_reduce, is_main_process
from rich.progress import track
from torch.optim import Optimizer

from ..dyrep import Evolution, report
from ..dyrep.finite import NotFinite
from .batches import data_of
from .refreshing import evolve
from .refusals import check_scores
from .training import Training, models

PATIENCE = 300  # halved as often, no scale of gradients is left


class Course:
    """When an event is due, what it goes by, and why there are no more.

    Args:
        evolution: Of the model that trains.
        batches: How many of the last batches statistics are measured on.

    Attributes:
        scores: Since the last event, from :meth:`begin` on.
        due: Whether an event waits for gradients.
        stopped: Why it evolves no more.
    """

    def __init__(self, evolution: Evolution, batches: int) -> None:
        self.evolution = evolution
        # raw ones: preprocessors change them
        self.batches = deque(maxlen=batches)
        self.due = False
        self.waited = 0  # steps, for one that does not overflow
        self.stopped: Optional[str] = None
        self.handle = None

    def begin(self, optimizer: Optimizer) -> None:
        """Score from zero what can grow now.

        Args:
            optimizer: That trains the model.
        """
        self.rest()
        self.scores = self.evolution.new_scores()
        self.handle = self.scores.watch(optimizer)

    def rest(self) -> None:
        """Score no more."""
        if self.handle is not None:
            self.handle.remove()
        self.handle = None

    def before_step(self, left: Optional[int], batch: Any) -> None:
        """Keep a batch that the next event needs.

        Args:
            left: Iterations to the next event, None if there is none.
            batch: As the loader gives it.
        """
        if self.due or (left is not None and left < self.batches.maxlen):
            self.batches.append(copy.deepcopy(batch))
        elif left is None:  # nothing will grow any more
            self.rest()

    def after_step(self, training: Training, step: int,
                   left: Optional[int]) -> Optional[dict]:
        """Have an event where one is due.

        Args:
            training: Of the model.
            step: This one, from 1.
            left: Iterations to the next event, None if there is none.

        Returns:
            What happened, None where there was no event.

        Raises:
            UserError: The optimizer steps without a word.
        """
        self.due = self.due or left == 0
        # not while gradients are accumulated
        if not self.due or not training.optim_wrapper.should_update():
            return None
        check_scores(self.scores, training.optim_wrapper)
        self.waited = 0 if self.scores.steps else self.waited + 1
        if 0 < self.waited < PATIENCE:
            return None  # scaled gradients overflowed so far
        record = self.attempt(step, lambda: self.evolve(training, step))
        self.due = False
        self.batches.clear()
        return record

    def attempt(self, step: int, change: Callable[[], Any]) -> Any:
        """Change the model; where that is not finite, stop and say so.

        Args:
            step: This one, from 1.
            change: Leaves the model alone if it raises.

        Returns:
            What ``change`` returns, None where it raised.
        """
        try:
            return change()
        except NotFinite as error:
            self.stopped = report.stopped(step, error)
            return None

    def evolve(self, training: Training, step: int) -> dict:
        """Have an event now.

        Args:
            training: Of the model.
            step: This one, from 1.

        Returns:
            What happened.

        Raises:
            NotFinite: See :meth:`mmrep.dyrep.Evolution.event`.
        """
        if self.waited:
            raise NotFinite('gradients of all steps since the last event')
        evolution = self.evolution
        _, *evolution.followers = models(training)
        data = data_of(training, self._common_batches(), evolution.sites(),
                       _progress)
        record = evolve(training, evolution, step, self.scores, data)
        self.begin(training.optim_wrapper.optimizer)
        return record

    def _common_batches(self) -> list:
        """The last batches, in all processes equally many."""
        count = torch.tensor(len(self.batches))
        all_reduce(count, 'min')
        return list(self.batches)[len(self.batches) - int(count):]


def _progress(items: Iterable, task: str) -> Iterable:
    return track(
        items, f'DyRep: {task}', transient=True, disable=not is_main_process())
