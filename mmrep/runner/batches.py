"""Raw batches of a training, and how its model runs on them."""
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
    """Return the last raw batches with the functions that run the model.

    Args:
        training: The training that has the model.
        batches: Raw batches, as the loader of the training gives them.
        names: Names of the sites. If some are in heads, the outputs of the
            heads are compared. Defaults to none.
        progress: See :class:`mmrep.dyrep.Data`. Defaults to no display.
    """
    runs = Runs(training, names)
    return Data(batches, runs.loss, runs.features, progress)


class Runs:
    """Runs of a ``BaseModel`` on raw batches.

    Args:
        training: The training that has the model.
        names: Names of the sites.
    """

    def __init__(self, training: Training, names: Iterable[str]) -> None:
        self.training = training
        self.model = inner_model(training)
        self.has_heads = any(not name.startswith(('backbone', 'neck'))
                             for name in names)
        self.done = {}

    def _prepared(self, batch: Any) -> Any:
        """Return a preprocessed copy of a batch, the same in each call.

        Preprocessors draw random numbers and change their input.
        """
        if id(batch) not in self.done:
            with random_state.seeded():
                preprocessor = copy.deepcopy(self.model.data_preprocessor)
                self.done[id(batch)] = preprocessor(copy.deepcopy(batch), True)
        return copy.deepcopy(self.done[id(batch)])

    def loss(self, batch: Any) -> Tensor:
        """Return the loss of a batch."""
        with self.training.optim_wrapper.optim_context(self.model):
            losses = run_forward(self.model, self._prepared(batch), 'loss')
            return self.model.parse_losses(losses)[0]

    def features(self, batch: Any) -> Any:
        """Return the tensors to compare: features, head outputs or the loss.

        The loss stands for models that take several views of an image.
        """
        data = self._prepared(batch)
        if not isinstance(data['inputs'], Tensor):  # several views
            return self.loss(batch).reshape(1)
        with self.training.optim_wrapper.optim_context(self.model):
            if hasattr(self.model, 'extract_feat') and not self.has_heads:
                return self.model.extract_feat(data['inputs'])
            return run_forward(self.model, data, 'tensor')
