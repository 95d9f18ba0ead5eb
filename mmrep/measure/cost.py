"""Measure a training with plain convolutions, with DBB and with DyRep."""
import copy
import statistics
from functools import partial
from typing import Callable, Dict, List, NamedTuple, Tuple

from torch import nn

from ..dyrep import Evolution
from ..dyrep.look import look
from ..hooks import DyRepHook
from ..layers import DBBConv2d, RepConv2d
from ..nets.following import norm_cfg_at
from ..nets.walk import replace
from ..runner.batches import data_of
from ..runner.refreshing import evolve
from .memory import step_memory
from .timing import timed
from .training_step import TrainingStep


class Cost(NamedTuple):
    """Cost of a structure: ``multiply_adds`` per image, ``memory`` in bytes.

    See :func:`mmrep.dyrep.look.look` and :func:`.step_memory`.
    """

    parameters: int
    multiply_adds: float
    memory: int


class MeasuredTraining:
    """The training of one model, with the cost and seconds of each step.

    Args:
        step: The training step of the model.
    """

    def __init__(self, step: TrainingStep) -> None:
        self.step = step
        self.seconds: List[float] = []
        self.costs: List[Cost] = []
        self.measure()

    def measure(self) -> None:
        """Measure the present structure, in steps that do not count."""
        model = self.step.model
        self.step()  # makes the optimizer's state
        memory = step_memory(self.step, model,
                             self.step.optim_wrapper.optimizer)
        seen = look(model, self.step.batch,
                    data_of(self.step, [self.step.batch]).features)
        self.cost = Cost(seen.parameters, seen.flops, memory)

    def advance(self) -> None:
        """Take a step that counts."""
        self.seconds.extend(timed(self.step))
        self.costs.append(self.cost)

    def summary(self) -> Dict[str, float]:
        """Return means over all steps, the median step and the top peak."""
        parameters, multiply_adds, memory = zip(*self.costs)
        return dict(
            parameters=statistics.mean(parameters),
            multiply_adds=statistics.mean(multiply_adds),
            seconds=statistics.median(self.seconds),
            memory=max(memory))


class Events:
    """DyRep in a run, with the seconds and cost of each event.

    Args:
        run: The run whose model evolves.
        hook: The hook that has the options of the method.
        due: The steps after which there is an event; they count from 1.
    """

    def __init__(self, run: MeasuredTraining, hook: DyRepHook,
                 due: List[int]) -> None:
        self.run = run
        self.due = due
        self.evolution = hook.evolution_of(run.step.model)
        self.batches = [run.step.batch] * hook.calibration_batches
        self.records: List[dict] = []
        self._score()

    def _score(self) -> None:
        """Score all steps from now on."""
        self.scores = self.evolution.new_scores()
        optimizer = self.run.step.optim_wrapper.optimizer
        self.handle = self.scores.watch(optimizer)

    def after(self, step: int) -> None:
        """Evolve, if an event is due after this step."""
        if step not in self.due:
            return
        seconds, = timed(partial(self._evolve, step))
        self.run.measure()
        self.handle.remove()
        self._score()  # leaves out the steps that do not count
        if step == self.due[-1]:
            self.handle.remove()
        record = self.evolution.history[-1]
        self.records.append(
            dict(
                step=step,
                seconds=seconds,
                grown=record['grown'],
                cut=[cut['name'] for cut in record['cut']],
                **self.run.cost._asdict()))

    def _evolve(self, step: int) -> None:
        evolve(self.run.step, self.evolution, step, self.scores,
               data_of(self.run.step, self.batches))


def make_dbb(model: nn.Module, evolution: Evolution) -> nn.Module:
    """Give all branches to every kernel that could grow.

    Args:
        model: The model, in which nothing has grown. It is changed in place
            and computes the same in eval mode.
        evolution: The evolution of the model, which names the sites and the
            branches.

    Examples:
        >>> from torch import nn
        >>> import mmrep
        >>> from mmrep.dyrep import Evolution
        >>> from mmrep.measure.cost import make_dbb
        >>> net = nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4))
        >>> net = make_dbb(net, Evolution(net, scope='*', branches=('1x1', )))
        >>> list(net[0].branches)
        ['1x1']
    """
    convs = {
        model.get_submodule(site.layer): None
        for site in evolution.sites().values() if not site.inside
    }
    return replace(
        model, {
            conv:
            DBBConv2d.from_conv(
                conv.fuse() if isinstance(conv, RepConv2d) else conv,
                branches=evolution.branches,
                norm_cfg=norm_cfg_at(model, conv))
            for conv in convs
        }).train(model.training)


def compare(
    prepare: Callable[[nn.Module], object],
    model: nn.Module,
    hook: DyRepHook,
    due: List[int],
    steps: int,
    progress: Callable[[], object] = lambda: None
) -> Tuple[Dict[str, MeasuredTraining], Events]:
    """Train a model plain, with DBB and with DyRep, step by step in turn.

    Args:
        prepare: Function that makes the training step of a model.
        model: The plain model in training mode.
        hook: The hook that has the options of DyRep.
        due: The steps after which DyRep has an event; they count from 1.
        steps: Number of steps that each model takes.
        progress: Function to call after every step. Defaults to one that
            does nothing.
    """
    rich = copy.deepcopy(model)
    make_dbb(rich, hook.evolution_of(rich))
    models = dict(plain=model, DBB=rich, DyRep=copy.deepcopy(model))
    runs = {
        name: MeasuredTraining(prepare(each))
        for name, each in models.items()
    }
    events = Events(runs['DyRep'], hook, due)
    for step in range(1, steps + 1):
        for run in runs.values():
            run.advance()
            progress()
        events.after(step)
    return runs, events
