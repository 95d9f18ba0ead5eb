"""Compare what configs cost: a row of numbers for each config.

``ratio`` and other comparisons refer to the first config.
"""
from functools import partial
from typing import Callable, List, Optional, Sequence, Tuple

from mmengine.config import Config
from torch import nn

from ..cli.dyrep import hook_of
from ..hosts import load_config
from .backbone_alone import BackboneAlone
from .cost import MeasuredTraining
from .evolving import evolving_steps
from .inference import FUSED, PLAIN, Inference, inference_forms
from .kernels import Way, in_ways
from .memory import explained, unexplained
from .timing import in_turn, median
from .training_step import TrainingStep, training_model

PARTS = ('forward', 'backward', 'optimizer')
Steps = List[Tuple[dict, TrainingStep]]


def training_steps(configs: Sequence[str],
                   size: Sequence[int],
                   batch_size: int,
                   backbone: bool = False,
                   kernels: Sequence[str] = (),
                   amp: Optional[str] = None,
                   progress: Callable[..., object] = lambda *_: None) -> Steps:
    """Build the training step of each config.

    The cost of a config with DyRepHook depends on the branches it has grown.
    It has two steps: half-way through its training and at its end.

    Args:
        configs: The paths of the configs.
        size: The height and width of the images in pixels.
        batch_size: The number of images in a batch.
        backbone: True leaves out neck and heads. Defaults to False.
        kernels: Ways to make kernels, see :func:`.in_ways`. Defaults to none.
        amp: The dtype of autocast, such as ``'bfloat16'``, on a GPU. Defaults
            to that of the config.
        progress: The function to call with a path and, for a net that
            evolves, with the number of events so far and of all events.
            Defaults to one that does nothing.

    Returns:
        Pairs of the beginning of a row, which has ``config``, for a net that
        evolves ``moment`` and for a way ``kernels``, and a
        :class:`TrainingStep`.

    Raises:
        UserError: A config cannot be trained.
    """
    steps = []
    for path in configs:
        progress(path)
        cfg = load_config(path)
        if amp is not None and cfg.get('optim_wrapper'):
            cfg.optim_wrapper.update(type='AmpOptimWrapper', dtype=amp)

        def build() -> nn.Module:
            model = training_model(cfg, size)
            return BackboneAlone(model).train() if backbone else model

        for way, model in in_ways(build, kernels):
            found = steps_of(path, cfg, model, size, batch_size, progress)
            steps += in_way(way, found)
    return steps


def in_way(way: Way, steps: Steps) -> Steps:
    """Name the way of making kernels in the rows of steps, if there is one."""
    own = {} if way is None else dict(kernels=way)
    return [({**row, **own}, step) for row, step in steps]


def steps_of(path: str,
             cfg: Config,
             model: nn.Module,
             size: Sequence[int],
             batch_size: int,
             progress: Callable[..., object],
             make: Callable[..., TrainingStep] = TrainingStep) -> Steps:
    """Return the step of a model, or the steps of one that evolves.

    Args:
        path: The path of the config.
        cfg: The config, from :func:`load_config`.
        model: The model of the config, or its backbone alone.
        size: The height and width of the images in pixels.
        batch_size: The number of images in a batch.
        progress: See :func:`training_steps`.
        make: The class of the steps. Defaults to TrainingStep.

    Returns:
        See :func:`training_steps`.

    Raises:
        UserError: The model cannot be trained.
    """
    hook = hook_of(cfg)
    if hook is None:
        return [(dict(config=path), make(cfg, model, size, batch_size))]
    found = evolving_steps(cfg, model, hook, size, batch_size,
                           partial(progress, path), make)
    return [(dict(config=path, moment=moment), step) for moment, step in found]


def compare_training(steps: Steps, rounds: int,
                     progress: Callable[[], object]) -> List[dict]:
    """Measure training steps in turn.

    Args:
        steps: The steps from :func:`training_steps`.
        rounds: The number of times to time each step.
        progress: The function to call ``rounds + 2`` times for each step.

    Returns:
        A row for each step. ``parameters``, ``multiply_adds`` and ``memory``
        are those of :class:`.Cost`, the multiply-adds those of the training
        form without heads. ``seconds`` is the sum of the seconds of the
        parts. ``memory_own`` is the result of :func:`.explained`, in bytes.
    """
    rows = []
    for head, step in steps:
        cost = MeasuredTraining(step).cost
        own = explained(step.model, step.optim_wrapper.optimizer)
        rows.append(dict(**head, **cost._asdict(), memory_own=own))
        progress()
    time_rows(rows, steps, rounds, progress)
    for row in rows:
        row.update(_over(row, rows[0]))
    return rows


def time_rows(rows: List[dict], steps: Steps, rounds: int,
              progress: Callable[[], object]) -> None:
    """Time steps in turn, and add the seconds of their parts to their rows.

    Args:
        rows: A row for each step, changed in place. They get ``seconds``, the
            sum of the parts, and ``ratio``.
        steps: The steps.
        rounds: The number of times to time each step.
        progress: The function to call ``rounds + 1`` times for each step.
    """
    times = in_turn([step.timed for _, step in steps], rounds, progress)
    for row, taken in zip(rows, times):
        parts = median(taken)
        row.update(zip(PARTS, parts), seconds=sum(parts))
        row['ratio'] = row['seconds'] / rows[0]['seconds']


def _over(row: dict, first: dict) -> dict:
    """Compare a row with that of the first config."""
    return dict(
        memory_ratio=row['memory'] / first['memory'],
        memory_unexplained=unexplained(row['memory'], row['memory_own'],
                                       first['memory'], first['memory_own']))


def all_forms(
        configs: Sequence[str],
        size: Sequence[int],
        batch_size: int,
        progress: Callable[..., object] = lambda *_: None) -> List[Inference]:
    """List the forms of all configs, see :func:`inference_forms`."""
    forms = []
    for path in configs:
        progress(path)
        forms += inference_forms(path, size, batch_size)
    return forms


def compare_inference(forms: List[Inference], rounds: int,
                      progress: Callable[[], object]) -> List[dict]:
    """Measure forms of models in turn.

    Args:
        forms: The forms from :func:`all_forms`.
        rounds: The number of times to time each form.
        progress: The function to call ``rounds + 2`` times for each form.

    Returns:
        A row for each form. ``ratio`` refers to the first config as it is
        deployed; ``multiply_adds`` include those of dense heads.
    """
    rows = []
    for form in forms:
        rows.append(
            dict(
                config=form.name,
                form=form.form,
                parameters=form.parameters(),
                multiply_adds=form.multiply_adds()))
        progress()
    times = in_turn([form.timed for form in forms], rounds, progress)
    for row, taken in zip(rows, times):
        row['seconds'] = sum(median(taken))
    deployed = next(row for row in rows if row['form'] in (FUSED, PLAIN))
    for row in rows:
        row['ratio'] = row['seconds'] / deployed['seconds']
    return rows
