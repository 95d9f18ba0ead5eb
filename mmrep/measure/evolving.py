"""The training step of a config with DyRepHook at moments of its training."""
import copy

from ..cli.dyrep import due_steps
from ..dyrep import Evolution
from ..dyrep.running import data_of, refresh
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
    fitted = schedule.fitted(train_cfg)
    # of a run as long as the training: the steps are its own
    due = due_steps(schedule, train_cfg, fitted.end or 1)
    return {HALF: sum(step <= fitted.end / 2 for step in due), END: len(due)}


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
    evolution = Evolution(model, seed=hook.seed or 0, **hook.method)
    found = []
    for event in range(moments[END] + 1):
        if event:
            progress(event - 1, moments[END])
            _evolve(step, evolution, hook.batches.maxlen, event)
        found += [(moment,
                   TrainingStep(cfg, copy.deepcopy(model), size, batch_size))
                  for moment, last in moments.items() if last == event]
    return found


def _evolve(step, evolution, batches, event):
    """One training step, then the event that it has led to."""
    scores = evolution.new_scores()
    handle = step.optim_wrapper.optimizer.register_step_pre_hook(
        lambda optimizer, *_: scores.add(optimizer))
    step()
    handle.remove()
    evolution.event(event, scores, data_of(step, [step.batch] * batches))
    refresh(step)
    step.model.train()  # hosts say by it which norms train
