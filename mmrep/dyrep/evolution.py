"""DyRep's algorithm 1, one event at a time, on any model."""
from typing import Dict, List, Sequence, Union

from torch import nn

from .. import random_state
from ..arguments import check_whole
from ..errors import UserError
from ..layers import BranchedConv2d
from ..layers.block_types import MAX_NESTING
from ..layers.branch_names import Branches, fits
from .arguments import check_numbers, checked_branches, try_branches
from .event import Event
from .finite import check_weights
from .importance import find_blocks
from .look import Data
from .scoring import Scores, check_metric, needed
from .sites import Site, check_scope, find_sites, geometry_at
from .snapshot import all_or_nothing

SEVEN = ('1x1', '1x1_kxk', '1x1_average', '1xk', 'kx1', 'identity')


class Evolution:
    """Evolution of a model: each event cuts weak branches and grows a kernel.

    Huang et al., DyRep, CVPR 2022, algorithm 1. The function of the model
    stays, up to rounding where norms are in eval mode and up to the noise of
    batch statistics where norms train.

    Args:
        model: The model without wrappers, which is changed in place.
        scope: Names of the modules that evolve. Defaults to 'backbone'.
        metric: One of synflow, snip, grad_norm, grasp, random, vote (section
            A.3). Defaults to 'snip'.
        branches: Branches of a block that grows, beside its kxk. Defaults to
            the six of the paper's table 1.
        cut_threshold: Standard deviation of the branches' importances above
            which some are cut (section 4.2). Defaults to 0.02.
        init_gamma: Last gamma of new branches, as a multiple of the kxk's
            gamma (section 4.1). Defaults to 0.01.
        max_depth: Number of levels to which blocks may be nested. Defaults to
            2.
        seed: Seed of the new weights. Defaults to 0.

    Raises:
        UserError: An argument has an impossible value.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from mmrep.dyrep import Data, Evolution
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        >>> evolution = Evolution(net, scope='*', metric='random')
        >>> list(evolution.sites())
        ['0']
        >>> batches = [torch.randn(2, 3, 8, 8)]
        >>> data = Data(batches, run=lambda x: net(x).sum(), features=net)
        >>> record = evolution.event(1, evolution.new_scores(), data)
        >>> record['grown'], type(net[0]).__name__
        ('0', 'DBBConv2d')
    """

    def __init__(self,
                 model: nn.Module,
                 scope: Union[str, Sequence[str]] = 'backbone',
                 metric: str = 'snip',
                 branches: Branches = SEVEN,
                 cut_threshold: float = 0.02,
                 init_gamma: float = 0.01,
                 max_depth: int = 2,
                 seed: int = 0) -> None:
        check_metric(metric)
        check_scope(scope)
        check_numbers(cut_threshold=cut_threshold, init_gamma=init_gamma)
        check_whole('max_depth', max_depth, 1, most=MAX_NESTING)
        check_whole('seed', seed)
        self.branches = checked_branches(branches)
        self.model = model
        self.scope = scope
        self.metric = metric
        self.cut_threshold = cut_threshold
        self.init_gamma = init_gamma
        self.max_depth = int(max_depth)
        self.seed = int(seed)
        self.followers: List[nn.Module] = []  # averages of the model
        self.history: List[dict] = []

    def sites(self) -> Dict[str, Site]:
        """Return the sites that can grow now, by name."""
        return {site.name: site for site in self._growing()}

    def try_sites(self) -> None:
        """Try the branches on all that can grow now, each shape once.

        Raises:
            UserError: A convolution cannot have the branches.
        """
        shapes = {
            geometry_at(self.model, site): name
            for name, site in self.sites().items()
        }
        for shape, name in shapes.items():
            try_branches(self.branches, shape, repr(name))

    def kernels(self) -> Dict[str, nn.Parameter]:
        """Return the kernels of the sites, by name."""
        return {site.name: w for site, w in self._growing().items()}

    def _growing(self) -> Dict[Site, nn.Parameter]:
        """Return the sites that a branch fits, with their kernels."""
        found = find_sites(self.model, self.scope, self.max_depth)
        shapes = {site: geometry_at(self.model, site) for site in found}
        return {
            site: kernel
            for site, kernel in found.items() if any(
                fits(name, shapes[site], True) for name in self.branches)
        }

    def blocks(self) -> Dict[Site, BranchedConv2d]:
        """Return all blocks that have branches, by site.

        A block inside another comes before it.
        """
        return dict(find_blocks(self.model, self.scope))

    def new_scores(self) -> Scores:
        """Return new scores of all that can grow now, which begin at zero."""
        return Scores(self.kernels(), needed(self.metric))

    def event(self, step: int, scores: Scores, data: Data) -> dict:
        """Cut branches of little importance, then grow the best kernel.

        Args:
            step: The number of the event's iteration, from 1.
            scores: Scores since the last event.
            data: The last batches.

        Returns:
            The record of the event, as plain data, which :attr:`history` also
            keeps.

        Raises:
            UserError: There are no batches. As ``NotFinite``: weights,
                features, scores or statistics are not finite. The model and
                its averages are then as they were.
        """
        if not data.batches:
            raise UserError('there are no batches to calibrate on')
        check_weights(self.models)
        with all_or_nothing(self.models):
            with random_state.seeded(self.event_seed):
                record = Event(self, scores, data).run(step)
            check_weights(self.models)
        self.history.append(record)
        return record

    @property
    def models(self) -> List[nn.Module]:
        """The model and its averages."""
        return [self.model, *self.followers]

    @property
    def event_seed(self) -> int:
        """The seed of the next event, which differs from event to event."""
        return random_state.folded(self.seed + len(self.history))
