"""A network that evolves while it trains."""
import copy
import logging
from collections import deque
from typing import Optional, Sequence, Union

import torch
from mmengine.dist import (all_reduce, broadcast_object_list, get_world_size,
                           is_main_process)
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import BaseOptimWrapper
from mmengine.registry import HOOKS
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from rich.progress import track
from torch import nn

from .. import random_state
from ..dyrep import SEVEN, Evolution, report
from ..dyrep.arguments import check_whole
from ..dyrep.finite import NotFinite
from ..dyrep.recalibration import measure_norms, own_loader
from ..dyrep.refusals import (check_config, check_pictures, check_runner,
                              check_scores)
from ..dyrep.running import (accumulate, accumulated, adopt_all,
                             adopt_pretrained, data_of, inner_model, models,
                             recompile, refresh)
from ..dyrep.schedule import Schedule
from ..dyrep.state import check_state
from ..errors import UserError
from ..layers.branch_names import Branches
from ..layers.geometry import check_flag

LOOPS = (EpochBasedTrainLoop, IterBasedTrainLoop)
PATIENCE = 300  # halved as often, no scale of gradients is left


@HOOKS.register_module()
class DyRepHook(Hook):
    """Let the convolutions of a plain network grow and lose branches.

    Huang et al., DyRep, CVPR 2022: every ``interval`` the kernel that matters
    most to the loss gets branches, and branches that do little are absorbed;
    what the network computes stays as it is. Checkpoints hold the evolved
    structure; resuming goes on from it exactly.

    Args:
        interval: Epochs or iterations between events. Defaults to a twentieth
            of ``stop``.
        by_epoch: Whether epochs are meant. Defaults to what the train loop
            counts.
        stop: The last epoch or iteration with an event. Defaults to five
            sixths of the training.
        metric: What matters: snip, synflow, grad_norm, grasp, random or vote.
            The paper's synflow says nothing of a convolution in front of a
            batch norm that trains, whose output depends on the scale of the
            kernel by the norm's eps alone: there it is
            ``sum(gamma * dL/dgamma * eps / (var + eps))``. Defaults to
            'snip'.
        branches: Of a block that grows, beside its kxk, as for
            ``BranchedConv2d``. Defaults to the six of the paper.
        cut_threshold: Standard deviation of a block's importances (mean last
            |gamma| of each branch over that of the kxk) from which those
            below their mean and 0.1 are cut. Defaults to 0.02.
        init_gamma: Last gamma of new branches, over that of the kxk.
            Defaults to 0.01.
        calibration_batches: How many of the last batches statistics are
            measured on. Defaults to 2.
        scope: Names of the modules that evolve. Defaults to 'backbone'.
        max_depth: How deep blocks may be nested. Defaults to 2.
        seed: Of new weights. Defaults to the Runner's.
        draw: Whether the visualizer gets a picture of all blocks at each
            event, too; that takes seconds. Defaults to False.
        recalibrate: Batches of the training on which the statistics of all
            norms that train are measured anew after each epoch without an
            event, up to ``stop``; where iterations are counted, after each
            fifth of ``interval``. The authors' option for RepVGG takes 200.
            Defaults to 0, none.

    Raises:
        UserError: An argument is impossible, there would never be an event,
            nothing can grow, or the Runner trains in a way that allows no
            change of parameters.
    """

    priority = 'HIGH'  # before EMAHook, as mmpretrain sets it, too

    def __init__(self,
                 interval: Optional[int] = None,
                 by_epoch: Optional[bool] = None,
                 stop: Optional[int] = None,
                 metric: str = 'snip',
                 branches: Branches = SEVEN,
                 cut_threshold: float = 0.02,
                 init_gamma: float = 0.01,
                 calibration_batches: int = 2,
                 scope: Union[str, Sequence[str]] = 'backbone',
                 max_depth: int = 2,
                 seed: Optional[int] = None,
                 draw: bool = False,
                 recalibrate: int = 0) -> None:
        check_whole('calibration_batches', calibration_batches, least=1)
        check_whole('recalibrate', recalibrate, least=0)
        check_flag('draw', draw)
        if seed is not None:
            check_whole('seed', seed)
        self.schedule = Schedule(interval, by_epoch, stop)
        self.seed = seed
        self.draw = draw
        self.recalibrate = recalibrate
        self.method = dict(
            metric=metric,
            branches=branches,
            cut_threshold=cut_threshold,
            init_gamma=init_gamma,
            scope=scope,
            max_depth=max_depth)
        Evolution(nn.Identity(), **self.method)  # refuses what is impossible
        # raw ones: preprocessors change them
        self.batches = deque(maxlen=calibration_batches)
        self.due = False
        self.waited = 0  # steps, for one that does not overflow
        self.state = self.random_state = self.handle = None
        self.stopped: Optional[str] = None  # why it evolves no more

    # before the training

    def check(self, model: nn.Module, cfg: dict) -> None:
        """Refuse a config with which nothing could grow.

        Args:
            model: Of the config.
            cfg: With ``train_cfg`` and ``optim_wrapper``.

        Raises:
            UserError: See the class.
        """
        check_config(cfg)
        if self.draw:
            check_pictures()
        self.schedule.fitted(cfg['train_cfg'])
        model.train()  # hosts say by it what trains
        self._check_sites(Evolution(model, **self.method))

    def _check_sites(self, evolution: Evolution) -> None:
        if not evolution.sites():
            raise UserError(
                f"`scope` (={self.method['scope']!r}) of DyRepHook has no "
                'plain convolution larger than 1x1 that is trained and that '
                f'one of its `branches` ({", ".join(evolution.branches)}) '
                'fits')
        evolution.try_sites()

    def before_run(self, runner: Runner) -> None:
        if not isinstance(runner.optim_wrapper, BaseOptimWrapper):
            if not hasattr(runner, 'strategy'):
                return  # nothing is trained
        check_runner(runner)
        if self.draw:
            check_pictures()
        loop = runner.train_loop
        if not isinstance(loop, LOOPS):
            raise UserError('DyRepHook knows EpochBasedTrainLoop and '
                            'IterBasedTrainLoop, the train loop is a '
                            f'{type(loop).__name__}')
        self.schedule.fit(
            isinstance(loop, EpochBasedTrainLoop), loop.max_epochs,
            loop.max_iters)
        if self.recalibrate:
            own_loader(loop.dataloader, 0)  # refuses what it cannot draw from
        adopt_pretrained(runner)
        seed = [runner.seed if self.seed is None else self.seed]
        broadcast_object_list(seed)  # those of Runners may differ
        self.evolution = Evolution(
            inner_model(runner), seed=seed[0], **self.method)
        self._check_sites(self.evolution)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Have the structure of the weights that are about to be loaded."""
        if runner._resume and checkpoint.get('dyrep') is not None:
            self.state = checkpoint['dyrep']
            check_state(self.state)
        adopt_all(runner, checkpoint.get('state_dict', checkpoint))

    def before_train(self, runner: Runner) -> None:
        runner.model.train()  # hosts say by it what trains
        self.scores = self.evolution.new_scores()
        if self.state is not None:
            self._load_state(runner, self.state)
        self.handle = runner.optim_wrapper.optimizer.register_step_pre_hook(
            lambda optimizer, *_: self.scores.add(optimizer))
        report.start(runner, self.evolution)
        if self.stopped:
            print_log(f'{self.stopped} (resumed)', 'current', logging.WARNING)

    # while it trains

    def before_train_epoch(self, runner: Runner) -> None:
        if self.random_state is None:
            return
        loop = runner.train_loop
        if isinstance(loop, EpochBasedTrainLoop):
            random_state.restore(self.random_state)
        else:
            loop.dataloader_iterator = random_state.Resumed(
                loop, self.random_state)
        self.random_state = None

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch=None) -> None:
        left = self._left(runner, batch_idx)
        if self.due or (left is not None and left < self.batches.maxlen):
            self.batches.append(copy.deepcopy(data_batch))
        elif left is None and self.handle:  # nothing will grow any more
            self.handle.remove()
            self.handle = None

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs=None) -> None:
        if self.recalibrate and self._pauses(runner, batch_idx):
            self._recalibrate(runner)
        left = self._left(runner, batch_idx)
        self.due = self.due or left == 0
        # not while gradients are accumulated
        if self.due and runner.optim_wrapper.should_update():
            check_scores(self.scores, runner.optim_wrapper)
            self.waited = 0 if self.scores.steps else self.waited + 1
            if 0 < self.waited < PATIENCE:
                return  # scaled gradients overflowed so far
            self._evolve(runner)
            self.due = False
            self.batches.clear()

    def _left(self, runner: Runner, batch_idx: int) -> Optional[int]:
        if self.stopped:
            return None
        return self.schedule.left(*self._now(runner, batch_idx))

    def _pauses(self, runner: Runner, batch_idx: int) -> bool:
        return not self.stopped and self.schedule.pauses(
            *self._now(runner, batch_idx))

    def _now(self, runner: Runner, batch_idx: int) -> tuple:
        # a stream of iterations has no length
        length = len(
            runner.train_dataloader) if self.schedule.by_epoch else None
        return runner.epoch, runner.iter, batch_idx, length

    def _recalibrate(self, runner: Runner) -> None:
        step = runner.iter + 1
        try:
            count = measure_norms(runner, self.recalibrate,
                                  self.evolution.seed + step)
        except NotFinite as error:
            self.stopped = report.stopped(step, error)
            return
        report.recalibrated(step, count, self.recalibrate)

    def _evolve(self, runner: Runner) -> None:
        evolution = self.evolution
        _, *evolution.followers = models(runner)
        data = data_of(runner, self._common_batches(), evolution.sites())
        data = data._replace(progress=_progress)
        try:
            if self.waited:
                raise NotFinite('gradients of all steps since the last event')
            record = evolution.event(runner.iter + 1, self.scores, data)
        except NotFinite as error:
            self.stopped = report.stopped(runner.iter + 1, error)
            return
        refresh(runner)
        runner.model.train()
        recompile(runner)
        self.scores = evolution.new_scores()
        report.event(runner, record)
        if self.draw and is_main_process():
            self._draw(runner)

    def _draw(self, runner: Runner) -> None:
        from ..pictures.image import structure_image  # matplotlib is slow
        image = structure_image(
            inner_model(runner).state_dict(), self.evolution.history)
        # a name with a slash would be a folder, which LocalVisBackend lacks
        runner.visualizer.add_image('dyrep_structure', image, runner.iter + 1)

    def _common_batches(self) -> list:
        """The last batches, in all processes equally many."""
        count = torch.tensor(len(self.batches))
        all_reduce(count, 'min')
        return list(self.batches)[len(self.batches) - int(count):]

    # validation draws no random numbers of the training

    def before_val(self, runner: Runner) -> None:
        self._before_val = random_state.save()

    def after_val(self, runner: Runner) -> None:
        random_state.restore(self._before_val)
        self._before_val = None

    _before_val = None

    # checkpoints

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint['dyrep'] = dict(
            seed=self.evolution.seed,
            history=copy.deepcopy(self.evolution.history),
            scores=self.scores.state_dict(),
            due=self.due,
            stopped=self.stopped,
            gradients=accumulated(runner),
            random=self._before_val or random_state.save())
        # a run resumed from here has not seen them either
        self.batches.clear()

    def _load_state(self, runner: Runner, state: dict) -> None:
        self.evolution.seed = state['seed']
        self.evolution.history = state['history']
        self.scores.load_state_dict(state['scores'])
        self.due = state['due']
        self.stopped = state.get('stopped')  # none of earlier versions
        if get_world_size() == 1:  # the file has those of one process
            self.random_state = state['random']
            accumulate(runner, state['gradients'])


def _progress(items, task: str):
    return track(
        items, f'DyRep: {task}', transient=True, disable=not is_main_process())
