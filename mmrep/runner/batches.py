"""Batches of a training, as its model trains on them."""
import copy
from typing import Any, Iterable, List

from torch import Tensor

from .. import random_state
from ..compat.runner_parts import run_forward
from ..dyrep import Data
from ..dyrep.look import Progress, as_they_are
from .training import Training, inner_model


def data_of(training: Training,
            batches: List[Any],
            names: Iterable[str] = (),
            progress: Progress = as_they_are) -> Data:
    """The last raw batches and how the model trains on them.

    Args:
        training: Has the model.
        batches: Such as its loader gives.
        names: Of what evolves: heads are compared by what they give. Defaults
            to none.
        progress: Is told what batches are gone through for. Defaults to
            nothing.
    """
    runs = Runs(training, names)
    return Data(batches, runs.loss, runs.features, progress)


class Runs:
    """How a ``BaseModel`` runs on raw batches.

    Args:
        training: Has the model.
        names: Of what evolves.
    """

    def __init__(self, training: Training, names: Iterable[str]) -> None:
        self.training = training
        self.model = inner_model(training)
        self.has_heads = any(not name.startswith(('backbone', 'neck'))
                             for name in names)
        self.done = {}

    def _prepared(self, batch: Any) -> Any:
        """Once for all: preprocessors draw, and change what they get."""
        if id(batch) not in self.done:
            with random_state.seeded():
                preprocessor = copy.deepcopy(self.model.data_preprocessor)
                self.done[id(batch)] = preprocessor(copy.deepcopy(batch), True)
        return copy.deepcopy(self.done[id(batch)])

    def loss(self, batch: Any) -> Tensor:
        """The loss of a batch."""
        with self.training.optim_wrapper.optim_context(self.model):
            losses = run_forward(self.model, self._prepared(batch), 'loss')
            return self.model.parse_losses(losses)[0]

    def features(self, batch: Any) -> Any:
        """What is compared: features, outputs of heads or the loss."""
        data = self._prepared(batch)
        if not isinstance(data['inputs'], Tensor):  # several views
            return self.loss(batch).reshape(1)
        with self.training.optim_wrapper.optim_context(self.model):
            if hasattr(self.model, 'extract_feat') and not self.has_heads:
                return self.model.extract_feat(data['inputs'])
            return run_forward(self.model, data, 'tensor')
