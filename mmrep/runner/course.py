"""The course of an evolution during a training."""
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

PATIENCE = 300  # steps; a scale of gradients halved as often is zero


class Course:
    """Course of an evolution: its scores, last batches and events.

    Args:
        evolution: The evolution of the model that trains.
        batches: Number of the last batches to measure statistics on.

    Attributes:
        scores: Scores since the last event; :meth:`begin` sets them.
        due: True while an event waits for gradients.
        stopped: The reason why the model evolves no more, or None.
    """

    def __init__(self, evolution: Evolution, batches: int) -> None:
        self.evolution = evolution
        # raw batches, since preprocessors change what they get
        self.batches = deque(maxlen=batches)
        self.due = False
        self.waited = 0  # steps spent waiting for one that does not overflow
        self.stopped: Optional[str] = None
        self.handle = None

    def begin(self, optimizer: Optimizer) -> None:
        """Begin new scores of all that can grow now.

        Args:
            optimizer: The optimizer that trains the model.
        """
        self.rest()
        self.scores = self.evolution.new_scores()
        self.handle = self.scores.watch(optimizer)

    def rest(self) -> None:
        """Stop scoring."""
        if self.handle is not None:
            self.handle.remove()
        self.handle = None

    def before_step(self, left: Optional[int], batch: Any) -> None:
        """Keep a copy of a batch if the next event needs it.

        Args:
            left: Iterations to the next event, None if there is none.
            batch: The batch as the loader gives it.
        """
        if self.due or (left is not None and left < self.batches.maxlen):
            self.batches.append(copy.deepcopy(batch))
        elif left is None:  # nothing will grow any more
            self.rest()

    def after_step(self, training: Training, step: int,
                   left: Optional[int]) -> Optional[dict]:
        """Run an event if one is due.

        Args:
            training: The training of the model.
            step: The number of this iteration, from 1.
            left: Iterations to the next event, None if there is none.

        Returns:
            The record of the event, None if there was none.

        Raises:
            UserError: The optimizer steps without calling its hooks.
        """
        self.due = self.due or left == 0
        # no event while gradients are accumulated
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
        """Change the model; stop the evolution if values are not finite.

        Args:
            step: The number of this iteration, from 1.
            change: Function that changes the model, and leaves it as it was
                if it raises.

        Returns:
            The result of ``change``, None if values were not finite.
        """
        try:
            return change()
        except NotFinite as error:
            self.stopped = report.stopped(step, error)
            return None

    def evolve(self, training: Training, step: int) -> dict:
        """Run an event now.

        Args:
            training: The training of the model.
            step: The number of this iteration, from 1.

        Returns:
            The record of the event.

        Raises:
            NotFinite: All steps since the last event overflowed, or see
                :meth:`mmrep.dyrep.Evolution.event`.
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
        """Return the last batches, equally many in all processes."""
        count = torch.tensor(len(self.batches))
        all_reduce(count, 'min')
        return list(self.batches)[len(self.batches) - int(count):]


def _progress(items: Iterable, task: str) -> Iterable:
    return track(
        items, f'DyRep: {task}', transient=True, disable=not is_main_process())
