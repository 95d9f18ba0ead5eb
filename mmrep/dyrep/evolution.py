"""DyRep's algorithm 1, one event at a time, on any model."""
from typing import Dict, List, Optional, Sequence, Set, Union

from torch import nn

from .. import random_state
from ..errors import UserError
from ..layers import BranchedConv2d
from ..layers.block_types import MAX_NESTING
from ..layers.branch_names import Branches, fits
from . import cutting, growing
from .arguments import (check_numbers, check_scope, check_whole,
                        checked_branches, try_branches)
from .calibration import calls, inputs_of
from .finite import check_finite, check_weights
from .grasp import grasp
from .importance import find_blocks, importances, redundant
from .look import Data, Look, changes, look
from .scoring import Scores, check_metric, drawn, needed, total
from .sites import Site, block_at, find_sites, geometry_at
from .snapshot import all_or_nothing

SEVEN = ('1x1', '1x1_kxk', '1x1_average', '1xk', 'kx1', 'identity')


class Evolution:
    """Grow the kernel that matters most and cut branches that do little.

    Huang et al., DyRep, CVPR 2022, algorithm 1. What the model computes stays
    as it is, up to rounding where norms are in eval mode and to the noise of
    a batch's statistics where they train.

    Args:
        model: Changed in place; not wrapped.
        scope: Names of the modules that evolve. Defaults to 'backbone'.
        metric: One of synflow, snip, grad_norm, grasp, random, vote (section
            A.3). Defaults to 'snip'.
        branches: Of a block that grows, beside its kxk. Defaults to the six
            of the paper's table 1.
        cut_threshold: Standard deviation of the branches' importances from
            which some are cut (section 4.2). Defaults to 0.02.
        init_gamma: Last gamma of new branches, over that of the kxk (section
            4.1). Defaults to 0.01.
        max_depth: How deep blocks may be nested. Defaults to 2.
        seed: Of new weights. Defaults to 0.

    Raises:
        UserError: An argument is impossible.
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
        self.max_depth = max_depth
        self.seed = seed
        self.followers: List[nn.Module] = []  # averages of the model
        self.history: List[dict] = []

    def sites(self) -> Dict[str, Site]:
        """What can grow now, by name."""
        return {site.name: site for site in self._growing()}

    def try_sites(self) -> None:
        """Try what can grow now, each shape once.

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
        """The kernels of the sites, by name."""
        return {site.name: w for site, w in self._growing().items()}

    def _growing(self) -> Dict[Site, nn.Parameter]:
        """The sites that one of the branches fits, with their kernels."""
        found = find_sites(self.model, self.scope, self.max_depth)
        shapes = {site: geometry_at(self.model, site) for site in found}
        return {
            site: kernel
            for site, kernel in found.items() if any(
                fits(name, shapes[site], True) for name in self.branches)
        }

    def blocks(self) -> Dict[Site, BranchedConv2d]:
        """All blocks with branches now, those inside of blocks first."""
        return dict(find_blocks(self.model, self.scope))

    def new_scores(self) -> Scores:
        """Sums for what can grow now, from zero."""
        return Scores(self.kernels(), needed(self.metric))

    def event(self, step: int, scores: Scores, data: Data) -> dict:
        """Cut what does little, then grow what matters most.

        Args:
            step: When, in iterations.
            scores: Since the last event.
            data: The last batches.

        Returns:
            What happened, as plain data, which :attr:`history` keeps too.

        Raises:
            UserError: There are no batches. Or, as ``NotFinite``: weights,
                features, scores or statistics are not. The model and its
                averages are then as they were.
        """
        if not data.batches:
            raise UserError('there are no batches to calibrate on')
        models = [self.model, *self.followers]
        check_weights(models)
        with all_or_nothing(models):
            with random_state.seeded(self._event_seed):
                record = self._change(step, scores, data)
            check_weights(models)
        self.history.append(record)
        return record

    def _change(self, step: int, scores: Scores, data: Data) -> dict:
        """Cut and grow; what happened."""
        plan = self._plan()
        before = self._look(data)
        cuts = self._cut(plan, data)
        between = self._look(data) if cuts else before
        totals = self._totals(scores, data)
        grown = self._grow(totals, data)
        after = self._look(data) if grown else between
        return dict(
            step=step,
            cut=cuts,
            cut_change=changes(before, between),
            grown=grown,
            score=totals.get(grown),
            branches=self._branches_of(grown),
            grown_change=changes(between, after),
            parameters=[before.parameters, after.parameters],
            flops=[before.flops, after.flops],
            importances={
                site.name: importances(block)
                for site, block in self.blocks().items()
            })

    def _look(self, data: Data) -> Look:
        """At the features, which must be finite where norms train."""
        found = look(self.model, data.batches[-1], data.features)
        check_finite('features of the last batch', found.trained)
        return found

    def _branches_of(self, name: Optional[str]) -> List[str]:
        blocks = {site.name: b for site, b in self.blocks().items()}
        return list(blocks[name].branches) if name else []

    def _totals(self, scores: Scores, data: Data) -> Dict[str, float]:
        """The score of each kernel by the metric."""
        kernels = self.kernels()
        if self.metric == 'random':
            return drawn(kernels, self._event_seed)
        found = scores.means()
        if self.metric in ('grasp', 'vote') and kernels:
            found['grasp'] = grasp(self.model, kernels, data.batches, data.run)
        return total(self.metric, found, kernels)

    @property
    def _event_seed(self) -> int:
        return random_state.folded(self.seed + len(self.history))

    def _grow(self, totals: Dict[str, float], data: Data) -> Optional[str]:
        """Grow the kernel of the highest score; its name, if there is one."""
        scored = dict(totals)
        for name in scored.keys() & self._others_than_once(data):
            del scored[name]
        if not scored:
            return None
        name = max(scored, key=scored.get)
        site, kernel = self.sites()[name], self.kernels()[name]
        before = kernel.detach().clone()
        block = growing.add_branches(self.model, site, self.branches,
                                     self._event_seed)
        growing.compensate(block, self._inputs(site, block, data),
                           self.init_gamma)
        for other in self.followers:
            growing.follow_growth(other, site, block, before)
        return name

    def _others_than_once(self, data: Data) -> Set[str]:
        """The sites that do not run just once in a forward pass.

        Such as in heads that are shared by levels of a pyramid: a norm that
        trains would see each level by itself.
        """
        sites = self.sites()
        layers = sorted({site.layer for site in sites.values()})
        modules = [self.model.get_submodule(layer) for layer in layers]
        counts = calls(self.model, modules, data.batches[-1], data.run)
        count = dict(zip(layers, counts))
        return {name for name, site in sites.items() if count[site.layer] != 1}

    def _plan(self) -> Dict[Site, Dict[str, float]]:
        """The branches to cut, with their importances.

        Of these blocks all processes then have the same statistics, of which
        their kernels come.
        """
        plan = {}
        for site, block in self.blocks().items():
            weights = importances(block)
            names = redundant(weights, self.cut_threshold, self.init_gamma)
            if names:
                plan[site] = {name: weights[name] for name in names}
        for model in (self.model, *self.followers):
            # blocks around may become plain with them
            for layer in sorted({site.layer for site in plan}):
                cutting.average_buffers(model.get_submodule(layer))
        return plan

    def _cut(self, plan: Dict[Site, Dict[str, float]],
             data: Data) -> List[dict]:
        """Cut in all blocks, those inside of blocks first."""
        cuts = []
        for site, weights in plan.items():
            self._cut_block(site, list(weights), data)
            cuts.append(
                dict(
                    name=site.name,
                    branches=list(weights),
                    importances=list(weights.values())))
        return cuts

    def _cut_block(self, site: Site, names: List[str], data: Data) -> None:
        block = block_at(self.model, site)
        cutting.cut([self.model, *self.followers], site, names,
                    lambda: self._inputs(site, block, data))

    def _inputs(self, site: Site, block: nn.Module, data: Data):
        root = self.model.get_submodule(site.layer)
        batches = data.progress(data.batches, f'calibrating {site.name}')
        return inputs_of(block, root, self.model, batches, data.run)
