"""What a Runner keeps of a model whose parameters change."""
import copy
import gc
from functools import partial
from typing import Any, Dict, Iterable, Iterator, List, Optional

from mmengine.model import BaseAveragedModel, is_model_wrapper
from mmengine.optim import BaseOptimWrapper, build_optim_wrapper
from mmengine.runner.checkpoint import (CheckpointLoader,
                                        _load_checkpoint_with_prefix)
from torch import Tensor, nn
from torch.optim import Optimizer

from .. import random_state
from ..checkpoints.pretrained import pretrained
from ..compat.quiet import quiet
from ..structures.enrich import adopt
from .look import Data
from .optimizer import all_parameters, regroup


def inner_model(runner) -> nn.Module:
    """The model, without DDP."""
    model = runner.model
    return model.module if is_model_wrapper(model) else model


def averages(runner) -> Iterator[BaseAveragedModel]:
    """The averaged models of hooks such as EMAHook."""
    for hook in runner.hooks:
        if isinstance(getattr(hook, 'ema_model', None), BaseAveragedModel):
            yield hook.ema_model


def adopt_all(runner, weights: Dict[str, Tensor]) -> None:
    """Have the structure of weights, in all that a Runner keeps.

    Args:
        runner: That trains or tests.
        weights: That are about to be loaded, or of the model itself.
    """
    with random_state.seeded():
        for model in models(runner):
            adopt(model, weights, exactly=runner._resume)
    refresh_if_needed(runner)


def refresh_if_needed(runner) -> None:
    """Refresh a training whose optimizer does not know the model."""
    if isinstance(runner.optim_wrapper, BaseOptimWrapper):
        known = set(all_parameters(runner.optim_wrapper.optimizer))
        there = set(inner_model(runner).parameters())
        if known - there or any(p.requires_grad for p in there - known):
            refresh(runner)


def adopt_pretrained(runner) -> None:
    """Have the structure of the weights that ``init_cfg`` is to load.

    mmengine allows no new parameters while it initialises.
    """
    with random_state.seeded():
        for module, init in pretrained(inner_model(runner)):
            adopt(module, _pretrained(**init))
    refresh_if_needed(runner)


def _pretrained(checkpoint: str,
                prefix: Optional[str] = None,
                map_location: str = 'cpu',
                type: str = '') -> Dict[str, Tensor]:
    """The weights that mmengine's PretrainedInit would load."""
    if prefix is not None:
        return _load_checkpoint_with_prefix(prefix, checkpoint, map_location)
    loaded = CheckpointLoader.load_checkpoint(checkpoint, map_location)
    return loaded.get('state_dict', loaded)


def models(runner) -> List[nn.Module]:
    """The model and its averages, none of them wrapped."""
    return [inner_model(runner), *(a.module for a in averages(runner))]


def refresh(runner) -> None:
    """Make known to all the parameters that the model has now.

    Right after gradients were zeroed: those of a DDP wrapper are its own.
    """
    for average in averages(runner):
        _refresh_average(average)
    cfg = runner.cfg.get('optim_wrapper')
    regroup(runner.optim_wrapper.optimizer, inner_model(runner), cfg
            and partial(_fresh_optimizer, cfg), runner.param_schedulers or [])
    rewrap(runner)


def _fresh_optimizer(cfg: dict, model: nn.Module) -> Optimizer:
    """By the user's constructor, which logs the options of each parameter."""
    with quiet():
        return build_optim_wrapper(model, copy.deepcopy(cfg)).optimizer


def _refresh_average(average: BaseAveragedModel) -> None:
    """As at its construction."""
    average.module.requires_grad_(False)
    if average.update_buffers:
        average.avg_parameters = average.module.state_dict()
    else:
        average.avg_parameters = dict(average.module.named_parameters())


def rewrap(runner) -> None:
    """A new DDP wrapper: the old one would not reduce new gradients."""
    if not is_model_wrapper(runner.model):
        return
    inner = runner.model.module
    mode = runner.model.training
    runner.model = None
    gc.collect()  # its hooks on gradients go with it
    runner.model = runner.wrap_model(
        runner.cfg.get('model_wrapper_cfg'), inner)
    runner.model.training = mode


def recompile(runner) -> None:
    """Compile the training step of the changed model."""
    vars(runner.model).pop('train_step', None)
    runner._maybe_compile('train_step')


def accumulated(runner) -> Dict[str, Tensor]:
    """Gradients that wait for further ones before a step."""
    if runner.optim_wrapper.should_update():
        return {}
    return {
        name: p.grad.cpu()
        for name, p in inner_model(runner).named_parameters()
        if p.grad is not None
    }


def accumulate(runner, gradients: Dict[str, Tensor]) -> None:
    """Go on from gradients that were accumulated."""
    for name, p in inner_model(runner).named_parameters():
        if name in gradients:
            p.grad = gradients[name].to(p)


def data_of(runner, batches: List[Any], names: Iterable[str] = ()) -> Data:
    """The last raw batches and how the model trains on them.

    Args:
        runner: That trains.
        batches: Such as its loader gives.
        names: Of what evolves: heads are compared by what they give.
    """
    heads = any(not name.startswith(('backbone', 'neck')) for name in names)
    model, done = inner_model(runner), {}

    def prepared(batch):
        """Once for all: preprocessors draw, and change what they get."""
        if id(batch) not in done:
            with random_state.seeded():
                preprocessor = copy.deepcopy(model.data_preprocessor)
                done[id(batch)] = preprocessor(copy.deepcopy(batch), True)
        return copy.deepcopy(done[id(batch)])

    def run(batch) -> Tensor:
        with runner.optim_wrapper.optim_context(model):
            losses = model._run_forward(prepared(batch), mode='loss')
            return model.parse_losses(losses)[0]

    def features(batch):
        data = prepared(batch)
        if not isinstance(data['inputs'], Tensor):  # several views
            return run(batch).reshape(1)
        with runner.optim_wrapper.optim_context(model):
            if hasattr(model, 'extract_feat') and not heads:
                return model.extract_feat(data['inputs'])
            return model._run_forward(data, mode='tensor')

    return Data(batches, run, features)
