"""What a run costs with plain, DBB and DyRep convolutions."""
import copy
import statistics
from functools import partial
from typing import Callable, Dict, List, NamedTuple, Tuple

from torch import nn

from ..dyrep import Evolution
from ..dyrep.look import look
from ..dyrep.running import data_of, refresh
from ..hooks import DyRepHook
from ..layers import DBBConv2d, RepConv2d
from ..nets.following import norm_cfg_at
from ..nets.walk import replace
from .memory import step_memory
from .timing import timed


class Cost(NamedTuple):
    """Of one structure; ``multiply_adds`` of an image, ``memory`` in bytes.

    See :func:`mmrep.dyrep.look.look` and :func:`.step_memory`.
    """

    parameters: int
    multiply_adds: float
    memory: int


class Run:
    """The training of one model, its structure and seconds of each step.

    Args:
        step: A :class:`.TrainingStep`.
    """

    def __init__(self, step) -> None:
        self.step = step
        self.seconds: List[float] = []
        self.costs: List[Cost] = []
        self.measure()

    def measure(self) -> None:
        """Look at the structure there is now, in steps that do not count."""
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
        """Means over the steps, the median step and the highest peak."""
        parameters, multiply_adds, memory = zip(*self.costs)
        return dict(
            parameters=statistics.mean(parameters),
            multiply_adds=statistics.mean(multiply_adds),
            seconds=statistics.median(self.seconds),
            memory=max(memory))


class Events:
    """DyRep in a run, and what its events take.

    Args:
        run: Its model evolves.
        hook: Has the options of the method.
        due: The steps, from 1, after which there is an event.
    """

    def __init__(self, run: Run, hook: DyRepHook, due: List[int]) -> None:
        self.run = run
        self.due = due
        self.evolution = Evolution(
            run.step.model, seed=hook.seed or 0, **hook.method)
        self.batches = [run.step.batch] * hook.batches.maxlen
        self.records: List[dict] = []
        self.scores = self.evolution.new_scores()
        optimizer = run.step.optim_wrapper.optimizer
        self.handle = optimizer.register_step_pre_hook(
            lambda *args: self.scores.add(*args))

    def after(self, step: int) -> None:
        """Evolve, if it is time."""
        if step not in self.due:
            return
        seconds, = timed(partial(self._evolve, step))
        self.run.measure()
        # not of the steps that do not count
        self.scores = self.evolution.new_scores()
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
        training = self.run.step
        self.evolution.event(step, self.scores,
                             data_of(training, self.batches))
        refresh(training)
        training.model.train()  # hosts say by it which norms train


def make_dbb(model: nn.Module, evolution: Evolution) -> nn.Module:
    """Give all branches to all that could grow, where nothing has grown.

    Args:
        model: Changed in place; computes the same in eval mode.
        evolution: Of the model; says what grows and how.
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
) -> Tuple[Dict[str, Run], Events]:
    """Train a model plain, with DBB and with DyRep, step by step in turn.

    Args:
        prepare: Makes the training step of a model.
        model: Plain, in training mode.
        hook: Has the options of DyRep.
        due: The steps, from 1, after which DyRep has an event.
        steps: That each model takes.
        progress: Called after every step.
    """
    rich = copy.deepcopy(model)
    make_dbb(rich, Evolution(rich, **hook.method))
    models = dict(plain=model, DBB=rich, DyRep=copy.deepcopy(model))
    runs = {name: Run(prepare(each)) for name, each in models.items()}
    events = Events(runs['DyRep'], hook, due)
    for step in range(1, steps + 1):
        for run in runs.values():
            run.advance()
            progress()
        events.after(step)
    return runs, events
