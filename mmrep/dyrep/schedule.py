"""When a network evolves."""
from typing import Optional

from ..arguments import check_whole
from ..errors import UserError
from ..layers.geometry import check_flag

LAST = 5 / 6  # of the training, as the paper's 100 of 120 epochs
EVENTS = 20  # as the paper's, every 5 of these
PAUSES = 5  # as the paper's 5 epochs of an interval


class Schedule:
    """Every ``interval`` epochs or iterations until ``stop``.

    Args:
        interval: Defaults to a twentieth of ``stop``.
        by_epoch: Whether epochs are meant. Defaults to what the loop counts.
        stop: The last that may have an event. Defaults to five sixths of the
            training.

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
        self.end: Optional[int] = None  # of the training, once it is known

    def fit(self, loop_by_epoch: bool, epochs: Optional[int],
            iterations: Optional[int]) -> None:
        """Fill in what depends on the training.

        Args:
            loop_by_epoch: Whether the train loop counts epochs.
            epochs: That it runs for.
            iterations: That it runs for; None where that is not known yet.

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
        """Iterations from this one to the next event; None after the last.

        Args:
            epoch: This one, from 0.
            iteration: This one, from 0.
            in_epoch: The same, in its epoch.
            epoch_length: Iterations of an epoch, where epochs are meant.
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
        """Whether norms may be measured anew behind this iteration.

        It ends an epoch or, of iterations, a fifth of an interval, which has
        no event, up to ``stop``.

        Args:
            epoch: This one, from 0.
            iteration: This one, from 0.
            in_epoch: The same, in its epoch.
            epoch_length: Iterations of an epoch, where epochs are meant.
        """
        done = (epoch if self.by_epoch else iteration) + 1
        every = 1 if self.by_epoch else max(1, self.interval // PAUSES)
        if self.by_epoch and in_epoch + 1 < epoch_length:
            return False
        return done <= self.stop and not done % every and bool(
            done % self.interval)
