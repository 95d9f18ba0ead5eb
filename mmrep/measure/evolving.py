"""The training step of a config with DyRepHook at moments of its training."""
import copy

from ..cli.dyrep import due_steps
from ..runner.batches import data_of
from ..runner.loops import fitted
from ..runner.refreshing import evolve
from .training_step import TrainingStep

HALF, END = 'half-way', 'at the end'


def moments_of(schedule, train_cfg):
    """How many events there were, by the moment of a training.

    Args:
        schedule (Schedule): Of the training; stays as it is.
        train_cfg (dict): Of the training.

    Raises:
        UserError: There would never be an event, or the length of the
            training is not known without its data.
    """
    end = fitted(schedule, train_cfg).end
    # of a run as long as the training: the steps are its own
    due = due_steps(schedule, train_cfg, end or 1)
    return {HALF: sum(step <= end / 2 for step in due), END: len(due)}


def evolving_steps(cfg, model, hook, size, batch_size, progress):
    """Let a model grow as in its training; what it then trains with.

    The learning rate is next to nothing and images are random: it grows where
    fresh weights say and has nothing to cut, so that no training with the
    same growth costs more.

    Args:
        cfg (Config): Of the model, host and optimizer.
        model (nn.Module): Plain, from ``training_model``; it evolves.
        hook (DyRepHook): Has the options of the method.
        size (tuple): Height and width of the images.
        batch_size (int): How many images.
        progress (callable): Called with the number of events so far and that
            of all.

    Returns:
        list: Pairs of a moment and a :class:`TrainingStep`.

    Raises:
        UserError: The config does not allow the model to evolve.
    """
    hook.check(model, cfg)
    moments = moments_of(hook.schedule, cfg.train_cfg)
    step = TrainingStep(cfg, model, size, batch_size)
    evolution = hook.evolution_of(model)
    found = []
    for event in range(moments[END] + 1):
        if event:
            progress(event - 1, moments[END])
            _evolve(step, evolution, hook.calibration_batches, event)
        found += [(moment,
                   TrainingStep(cfg, copy.deepcopy(model), size, batch_size))
                  for moment, last in moments.items() if last == event]
    return found


def _evolve(step, evolution, batches, event):
    """One training step, then the event that it has led to."""
    scores = evolution.new_scores()
    handle = scores.watch(step.optim_wrapper.optimizer)
    step()
    handle.remove()
    data = data_of(step, [step.batch] * batches)
    evolve(step, evolution, event, scores, data)
