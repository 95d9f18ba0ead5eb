"""The hook that evolves a net while it trains."""
from typing import Optional, Sequence, Union

from mmengine.registry import HOOKS
from torch import nn

from ..arguments import check_whole
from ..dyrep import SEVEN, Evolution
from ..dyrep.schedule import Schedule
from ..layers.branch_names import Branches
from ..layers.geometry import check_flag
from ..runner.loops import fitted
from ..runner.refusals import check_config, check_pictures, check_sites
from .dyrep_events import DyRepEvents


@HOOKS.register_module()
class DyRepHook(DyRepEvents):
    """Hook that lets the convolutions of a net grow and lose branches.

    Huang et al., DyRep, CVPR 2022: every ``interval`` the kernel that matters
    most to the loss gets branches, and branches of little importance are
    absorbed. The function of the net stays. Checkpoints hold the evolved
    structure; a resumed run continues from it exactly.

    Args:
        interval: Epochs or iterations between events. Defaults to a twentieth
            of ``stop``.
        by_epoch: True for numbers of epochs, False for iterations. Defaults to
            the unit that the train loop counts.
        stop: The last epoch or iteration with an event. Defaults to five
            sixths of the training.
        metric: The metric of the scores: snip, synflow, grad_norm, grasp,
            random or vote. The paper's synflow tells nothing of a convolution
            in front of a batch norm that trains. The output of that norm
            depends on the scale of the kernel through the norm's eps alone,
            and synflow is ``sum(gamma * dL/dgamma * eps / (var + eps))``.
            Defaults to 'snip'.
        branches: Branches of a block that grows, beside its kxk, as for
            ``BranchedConv2d``. Defaults to the six of the paper.
        cut_threshold: Standard deviation of a block's importances above which
            the branches below the mean importance and below 0.1 are cut. The
            importance is the mean |gamma| of a branch's last norm, as a
            multiple of the kxk's. Defaults to 0.02.
        init_gamma: Last gamma of new branches, as a multiple of the kxk's.
            Defaults to 0.01.
        calibration_batches: Number of the last batches to measure statistics
            on. Defaults to 2.
        scope: Names of the modules that evolve. Defaults to 'backbone'.
        max_depth: Number of levels to which blocks may be nested. Defaults to
            2.
        seed: Seed of the new weights. Defaults to the Runner's.
        draw: True to give the visualizer a picture of all blocks at each
            event, which takes seconds. Defaults to False.
        recalibrate: Number of training batches on which the statistics of all
            norms that train are measured anew after each epoch without an
            event, up to ``stop``; if iterations are counted, after each fifth
            of ``interval``. The official option for RepVGG takes 200. Defaults
            to 0, which measures nothing anew.

    Raises:
        UserError: An argument has an impossible value, there would never be
            an event, nothing can grow, or the Runner trains in a way that
            allows no change of parameters.

    Examples:
        >>> from mmengine.registry import HOOKS
        >>> import mmrep
        >>> custom_hooks = [dict(type='DyRepHook', interval=5, stop=100)]
        >>> hook = HOOKS.build(custom_hooks[0])
        >>> hook.schedule.interval, hook.schedule.stop
        (5, 100)
    """

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
        self.calibration_batches = int(calibration_batches)
        self.seed = None if seed is None else int(seed)
        self.draw = draw
        self.recalibrate = int(recalibrate)
        self.method = dict(
            metric=metric,
            branches=branches,
            cut_threshold=cut_threshold,
            init_gamma=init_gamma,
            scope=scope,
            max_depth=max_depth)
        self.evolution_of(nn.Identity())  # this checks the arguments

    def evolution_of(self, model: nn.Module, seed: int = 0) -> Evolution:
        """Return the evolution of a model with the options of this hook.

        Args:
            model: The model without wrappers.
            seed: Seed of the new weights if the hook has none. Defaults to 0.
        """
        seed = seed if self.seed is None else self.seed
        return Evolution(model, seed=seed, **self.method)

    def check(self, model: nn.Module, cfg: dict) -> None:
        """Refuse a config with which nothing could grow.

        Args:
            model: The model of the config.
            cfg: The config, with ``train_cfg`` and ``optim_wrapper``.

        Raises:
            UserError: See the class.
        """
        check_config(cfg)
        if self.draw:
            check_pictures()
        fitted(self.schedule, cfg['train_cfg'])
        model.train()  # `train()` also applies the host's freezing
        check_sites(self.evolution_of(model))
