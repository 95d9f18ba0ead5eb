"""The actions of DyRep at each moment of a Runner."""
import logging
from typing import Any, Dict, Optional

from mmengine.dist import broadcast_object_list
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import BaseOptimWrapper
from mmengine.runner import Runner
from torch import nn

from .. import random_state
from ..compat.runner_parts import compile_again, is_resuming
from ..dyrep import Evolution, report
from ..dyrep.schedule import Schedule
from ..runner.adopting import adopt_all, adopt_pretrained
from ..runner.course import Course
from ..runner.loaders import measure_norms, own_loader
from ..runner.loops import fit_loop, go_on_from, moment
from ..runner.refreshing import rewrap
from ..runner.refusals import check_pictures, check_runner, check_sites
from ..runner.state import check_state, go_on, state_of
from ..runner.training import inner_model
from .dyrep_shown import show_event, show_structure


class DyRepEvents(Hook):
    """Base of DyRepHook; DyRepHook itself has the options.

    Attributes:
        schedule: The schedule of events.
        seed: Seed of the new weights, None for the Runner's.
        draw: True if the visualizer gets pictures.
        recalibrate: Number of batches on which norms are measured anew.
        calibration_batches: Number of batches on which an event measures
            statistics.
        course: The course of the evolution, in a run that trains.
        state: The state of a checkpoint to resume from, or None.
        numbers: State of the random numbers to continue with, or None.
        before_validation: State of the random numbers before a validation,
            None outside of one.
    """

    priority = 'HIGH'  # before EMAHook, even at its priority in mmpretrain
    schedule: Schedule
    seed: Optional[int]
    draw: bool
    recalibrate: int
    calibration_batches: int
    course: Course
    state: Optional[dict] = None
    numbers: Optional[dict] = None
    before_validation: Optional[dict] = None

    def evolution_of(self, model: nn.Module, seed: int = 0) -> Evolution:
        """Return the evolution of a model; see :class:`DyRepHook`."""
        raise NotImplementedError

    @property
    def evolution(self) -> Evolution:
        """The evolution of the model, in a run that trains."""
        return self.course.evolution

    # before the training

    def before_run(self, runner: Runner) -> None:
        if not isinstance(runner.optim_wrapper, BaseOptimWrapper):
            if not hasattr(runner, 'strategy'):
                return  # nothing is trained
        check_runner(runner, DyRepEvents)
        if self.draw:
            check_pictures()
        fit_loop(self.schedule, runner.train_loop)
        if self.recalibrate:  # refuse loaders that it cannot draw from
            own_loader(runner.train_loop.dataloader, 0)
        adopt_pretrained(runner)
        seed = [runner.seed]
        broadcast_object_list(seed)  # the seeds of processes may differ
        evolution = self.evolution_of(inner_model(runner), seed[0])
        check_sites(evolution)
        self.course = Course(evolution, self.calibration_batches)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Give the model the structure of the weights about to be loaded."""
        if is_resuming(runner) and checkpoint.get('dyrep') is not None:
            self.state = checkpoint['dyrep']
            check_state(self.state)
        adopt_all(runner, checkpoint.get('state_dict', checkpoint))

    def before_train(self, runner: Runner) -> None:
        course = self.course
        runner.model.train()  # `train()` also applies the host's freezing
        course.begin(runner.optim_wrapper.optimizer)
        if self.state is not None:
            self.numbers = go_on(course, runner, self.state)
        report.start(course.evolution)
        if course.stopped:
            print_log(f'{course.stopped} (resumed)', 'current',
                      logging.WARNING)

    # while it trains

    def before_train_epoch(self, runner: Runner) -> None:
        if self.numbers is not None:
            go_on_from(runner.train_loop, self.numbers)
        self.numbers = None

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: Any = None) -> None:
        self.course.before_step(self._left(runner, batch_idx), data_batch)

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Any = None,
                         outputs: Optional[Dict] = None) -> None:
        course, step = self.course, runner.iter + 1
        if self.recalibrate and self._pauses(runner, batch_idx):
            course.attempt(step, lambda: self._measure_norms(runner, step))
        record = course.after_step(runner, step, self._left(runner, batch_idx))
        if record is None:
            return
        rewrap(runner)
        compile_again(runner)
        show_event(runner, record)
        if self.draw:
            show_structure(runner, self.evolution)

    def _left(self, runner: Runner, batch_idx: int) -> Optional[int]:
        """Return the iterations to the next event, None if there is none."""
        if self.course.stopped:
            return None
        return self.schedule.left(*moment(runner, batch_idx, self.schedule))

    def _pauses(self, runner: Runner, batch_idx: int) -> bool:
        """Return True if norms are measured anew after this iteration."""
        return not self.course.stopped and self.schedule.pauses(
            *moment(runner, batch_idx, self.schedule))

    def _measure_norms(self, runner: Runner, step: int) -> None:
        count = measure_norms(runner, self.recalibrate,
                              self.evolution.seed + step)
        report.recalibrated(step, count, self.recalibrate)

    # around validation: the training's random numbers stay

    def before_val(self, runner: Runner) -> None:
        self.before_validation = random_state.save()

    def after_val(self, runner: Runner) -> None:
        random_state.restore(self.before_validation)
        self.before_validation = None

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint['dyrep'] = state_of(self.course, runner,
                                       self.before_validation)
