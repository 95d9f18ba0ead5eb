"""One event of DyRep: weak branches are cut, the best kernel grows."""
from typing import TYPE_CHECKING, Dict, Iterator, List, Optional, Set

from torch import Tensor, nn

from . import cutting, growing
from .calibration import calls, inputs_of
from .finite import check_finite
from .grasp import grasp
from .importance import importances, redundant
from .look import Data, Look, changes, look
from .scoring import Scores, drawn, total
from .sites import Site, block_at

if TYPE_CHECKING:
    from .evolution import Evolution

Plan = Dict[Site, Dict[str, float]]  # importances of branches to cut


class Event:
    """An event of algorithm 1; nothing here takes back one that fails.

    Args:
        evolution: The evolution with the model, its followers and the options.
        scores: Scores since the last event.
        data: The last batches.
    """

    def __init__(self, evolution: 'Evolution', scores: Scores,
                 data: Data) -> None:
        self.evolution = evolution
        self.model = evolution.model
        self.scores = scores
        self.data = data

    def run(self, step: int) -> dict:
        """Cut and grow.

        Args:
            step: The number of the event's iteration, from 1.

        Returns:
            The record of the event, as plain data.

        Raises:
            NotFinite: Features, scores or statistics are not finite.
        """
        plan = self._plan()
        before = self._look()
        cuts = self._cut(plan)
        between = self._look() if cuts else before
        totals = self.totals()
        grown = self._grow(totals)
        after = self._look() if grown else between
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
                for site, block in self.evolution.blocks().items()
            })

    def totals(self) -> Dict[str, float]:
        """Return the score of each kernel by the metric, by name."""
        kernels, metric = self.evolution.kernels(), self.evolution.metric
        if metric == 'random':
            return drawn(kernels, self.evolution.event_seed)
        found = self.scores.means()
        if metric in ('grasp', 'vote') and kernels:
            found['grasp'] = grasp(self.model, kernels, self.data.batches,
                                   self.data.run)
        return total(metric, found, kernels)

    def cut_block(self, site: Site, names: List[str]) -> None:
        """Cut branches of a block, in all models.

        Args:
            site: The site of the block.
            names: Names of the branches to cut.
        """
        block = block_at(self.model, site)
        cutting.cut(self.evolution.models, site, names,
                    lambda: self._inputs(site, block))

    def _look(self) -> Look:
        """Look at the model; its features in training must be finite."""
        found = look(self.model, self.data.batches[-1], self.data.features)
        check_finite('features of the last batch', found.trained)
        return found

    def _plan(self) -> Plan:
        """Return the branches to cut, with their importances.

        All processes then have the same statistics in these blocks, from
        which the kernels are computed.
        """
        evolution, plan = self.evolution, {}
        for site, block in evolution.blocks().items():
            weights = importances(block)
            names = redundant(weights, evolution.cut_threshold,
                              evolution.init_gamma)
            if names:
                plan[site] = {name: weights[name] for name in names}
        for model in evolution.models:
            # a block around may become plain, too: average the whole layer
            for layer in sorted({site.layer for site in plan}):
                cutting.average_buffers(model.get_submodule(layer))
        return plan

    def _cut(self, plan: Plan) -> List[dict]:
        """Cut the planned branches, blocks inside blocks first."""
        cuts = []
        for site, weights in plan.items():
            self.cut_block(site, list(weights))
            cuts.append(
                dict(
                    name=site.name,
                    branches=list(weights),
                    importances=list(weights.values())))
        return cuts

    def _grow(self, totals: Dict[str, float]) -> Optional[str]:
        """Grow the kernel with the highest score and return its name.

        Returns:
            The name. None if no kernel can grow.
        """
        evolution, scored = self.evolution, dict(totals)
        for name in scored.keys() & self._others_than_once():
            del scored[name]
        if not scored:
            return None
        name = max(scored, key=scored.get)
        site, kernel = evolution.sites()[name], evolution.kernels()[name]
        before = kernel.detach().clone()
        block = growing.add_branches(self.model, site, evolution.branches,
                                     evolution.event_seed)
        growing.compensate(block, self._inputs(site, block),
                           evolution.init_gamma)
        for other in evolution.followers:
            growing.follow_growth(other, site, block, before)
        return name

    def _branches_of(self, name: Optional[str]) -> List[str]:
        blocks = {site.name: b for site, b in self.evolution.blocks().items()}
        return list(blocks[name].branches) if name else []

    def _others_than_once(self) -> Set[str]:
        """Return the sites that do not run exactly once in a forward pass.

        An example is a head that the levels of a pyramid share: a norm that
        trains would see each level by itself.
        """
        sites = self.evolution.sites()
        layers = sorted({site.layer for site in sites.values()})
        modules = [self.model.get_submodule(layer) for layer in layers]
        counts = calls(self.model, modules, self.data.batches[-1],
                       self.data.run)
        count = dict(zip(layers, counts))
        return {name for name, site in sites.items() if count[site.layer] != 1}

    def _inputs(self, site: Site, block: nn.Module) -> Iterator[Tensor]:
        root = self.model.get_submodule(site.layer)
        data = self.data
        batches = data.progress(data.batches, f'calibrating {site.name}')
        return inputs_of(block, root, self.model, batches, data.run)
