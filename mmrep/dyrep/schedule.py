"""The epochs or iterations at which a net evolves."""
from typing import Optional

from ..arguments import check_whole
from ..errors import UserError
from ..layers.geometry import check_flag

LAST = 5 / 6  # part of the training: 100 of 120 epochs in the paper
EVENTS = 20  # number of events: one every 5 of these epochs in the paper
PAUSES = 5  # measurements in an interval, which has 5 epochs in the paper


class Schedule:
    """Schedule of events: every ``interval`` epochs or iterations to ``stop``.

    Args:
        interval: Epochs or iterations between events. None stands for a
            twentieth of ``stop``.
        by_epoch: True for numbers of epochs, False for iterations. None stands
            for the unit that the train loop counts.
        stop: The last epoch or iteration that may have an event. None stands
            for five sixths of the training.

    Raises:
        UserError: A number is not a positive whole one, or ``by_epoch`` is
            neither True nor False.
    """

    def __init__(self, interval: Optional[int], by_epoch: Optional[bool],
                 stop: Optional[int]) -> None:
        for name, value in dict(interval=interval, stop=stop).items():
            if value is not None:
                check_whole(name, value, least=1)
        if by_epoch is not None:
            check_flag('by_epoch', by_epoch)
        self.interval = None if interval is None else int(interval)
        self.by_epoch = by_epoch
        self.stop = None if stop is None else int(stop)
        self.end: Optional[int] = None  # length of the training, once known

    def fit(self, loop_by_epoch: bool, epochs: Optional[int],
            iterations: Optional[int]) -> None:
        """Fill in the numbers that depend on the training.

        Args:
            loop_by_epoch: True if the train loop counts epochs.
            epochs: Number of epochs of the training, None if unknown.
            iterations: Number of iterations of the training, None if unknown.

        Raises:
            UserError: There would never be an event.
        """
        if self.by_epoch is None:
            self.by_epoch = loop_by_epoch
        if self.by_epoch and not loop_by_epoch:
            raise UserError('`by_epoch` (=True) of DyRepHook must be False: '
                            'the train loop counts iterations')
        self.end = end = epochs if self.by_epoch else iterations
        if end is None:
            return
        unit = 'epochs' if self.by_epoch else 'iterations'
        if self.stop is not None and self.stop > end:
            raise UserError(f'`stop` (={self.stop}) of DyRepHook must be at '
                            f'most the {end} {unit} of the training')
        stop = self.stop or max(1, int(end * LAST), self.interval or 0)
        self.interval = self.interval or max(1, stop // EVENTS)
        if self.interval > min(stop, end):
            raise UserError(
                f'`interval` (={self.interval}) of DyRepHook must be at most '
                f'{min(stop, end)}, the {unit} until its `stop`, or nothing '
                'would ever grow')
        self.stop = stop

    def left(self, epoch: int, iteration: int, in_epoch: int,
             epoch_length: Optional[int]) -> Optional[int]:
        """Return the number of iterations to the next event.

        Args:
            epoch: Index of the current epoch, from 0.
            iteration: Index of the current iteration, from 0.
            in_epoch: Index of the current iteration in its epoch, from 0.
            epoch_length: Iterations in an epoch; None if ``by_epoch`` is
                False.

        Returns:
            The number, 0 if this iteration has an event. None after the last
            event.
        """
        now = epoch if self.by_epoch else iteration
        due = now - now % self.interval + self.interval  # counted from 1
        if due > self.stop:
            return None
        if not self.by_epoch:
            return due - 1 - iteration
        return (due - epoch) * epoch_length - 1 - in_epoch

    def pauses(self, epoch: int, iteration: int, in_epoch: int,
               epoch_length: Optional[int]) -> bool:
        """Return True if norms may be measured anew after this iteration.

        Such an iteration ends an epoch or, if iterations are counted, a fifth
        of an interval; it has no event and lies not behind ``stop``.

        Args:
            epoch: Index of the current epoch, from 0.
            iteration: Index of the current iteration, from 0.
            in_epoch: Index of the current iteration in its epoch, from 0.
            epoch_length: Iterations in an epoch; None if ``by_epoch`` is
                False.
        """
        done = (epoch if self.by_epoch else iteration) + 1
        every = 1 if self.by_epoch else max(1, self.interval // PAUSES)
        if self.by_epoch and in_epoch + 1 < epoch_length:
            return False
        return done <= self.stop and not done % every and bool(
            done % self.interval)
