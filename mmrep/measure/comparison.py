"""What configs cost side by side: a row of numbers for each.

``ratio`` and what else compares is over the first config.
"""
from functools import partial

from ..cli.dyrep import hook_of
from ..hosts import load_config
from .backbone_alone import BackboneAlone
from .cost import Run
from .evolving import evolving_steps
from .inference import FUSED, PLAIN, inference_forms
from .memory import explained, unexplained
from .timing import in_turn, median
from .training_step import TrainingStep, training_model

PARTS = ('forward', 'backward', 'optimizer')


def training_steps(configs,
                   size,
                   batch_size,
                   backbone=False,
                   progress=lambda *_: None):
    """The training step of each config.

    What a config with DyRepHook takes depends on what has grown: there are
    two of it, half-way through its training and at its end.

    Args:
        configs (list): Their paths.
        size (tuple): Height and width of the images.
        batch_size (int): How many images.
        backbone (bool): Without neck and heads. Defaults to False.
        progress (callable): Called with a path and, of a net that evolves,
            the number of events so far and that of all.

    Returns:
        list: Pairs of what begins the row, ``config`` and for a net that
        evolves ``moment``, and a :class:`TrainingStep`.

    Raises:
        UserError: If a config cannot be trained.
    """
    steps = []
    for path in configs:
        progress(path)
        cfg = load_config(path)
        model = training_model(cfg, size)
        if backbone:
            model = BackboneAlone(model).train()
        steps += _steps_of(path, cfg, model, size, batch_size, progress)
    return steps


def _steps_of(path, cfg, model, size, batch_size, progress):
    """One, or those of a model that evolves."""
    hook = hook_of(cfg)
    if hook is None:
        return [(dict(config=path), TrainingStep(cfg, model, size,
                                                 batch_size))]
    found = evolving_steps(cfg, model, hook, size, batch_size,
                           partial(progress, path))
    return [(dict(config=path, moment=moment), step) for moment, step in found]


def compare_training(steps, rounds, progress):
    """Measure training steps in turn.

    Args:
        steps (list): From :func:`training_steps`.
        rounds (int): How often each is timed.
        progress (callable): Called ``rounds + 2`` times for each.

    Returns:
        list: A row for each. ``parameters``, ``multiply_adds`` and ``memory``
        are those of :class:`.Cost`, the adds of the training form
        without heads. ``seconds`` are the sum of those of its parts;
        ``memory_own`` is what :func:`.explained` gives, in bytes.
    """
    rows = []
    for head, step in steps:
        cost = Run(step).cost
        own = explained(step.model, step.optim_wrapper.optimizer)
        rows.append(dict(**head, **cost._asdict(), memory_own=own))
        progress()
    times = in_turn([step.timed for _, step in steps], rounds, progress)
    for row, taken in zip(rows, times):
        parts = median(taken)
        row.update(zip(PARTS, parts), seconds=sum(parts))
    for row in rows:
        row.update(_over(row, rows[0]))
    return rows


def _over(row, first):
    """A row over that of the first config."""
    return dict(
        ratio=row['seconds'] / first['seconds'],
        memory_ratio=row['memory'] / first['memory'],
        memory_unexplained=unexplained(row['memory'], row['memory_own'],
                                       first['memory'], first['memory_own']))


def all_forms(configs, size, batch_size, progress=lambda *_: None):
    """The forms of all configs in one list, see :func:`inference_forms`."""
    forms = []
    for path in configs:
        progress(path)
        forms += inference_forms(path, size, batch_size)
    return forms


def compare_inference(forms, rounds, progress):
    """Measure forms of models in turn.

    Args:
        forms (list): From :func:`all_forms`.
        rounds (int): How often each is timed.
        progress (callable): Called ``rounds + 2`` times for each.

    Returns:
        list: A row for each; ``ratio`` is over the first config as it is
        deployed, ``multiply_adds`` have those of dense heads in them.
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
