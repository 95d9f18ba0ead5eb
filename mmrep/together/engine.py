"""Run a plan, operation by operation."""
from typing import List, Sequence

from torch import Tensor

from .group import Values
from .plan import Plan


class Direct:
    """Run the operations of a plan one by one.

    Args:
        plan: The plan.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.serial = 0  # number of the last call of make

    def make(self, tensors: Sequence[Tensor]) -> List[Tensor]:
        """Return each block's weight, with its bias if it has one.

        Args:
            tensors: Tensors like those of the plan.
        """
        return self.plan.parts(self.plan.make(self.plan.load(tensors)))

    def pull(self, tensors: Sequence[Tensor], grads: Values,
             serial: int) -> Values:
        """Return the gradient of each tensor, None for those without.

        Args:
            tensors: The tensors that :meth:`make` got.
            grads: Gradients of its results, None for those without.
            serial: The number of that call.
        """
        plan = self.plan
        found = plan.pull(plan.load(tensors), plan.whole(grads))
        return plan.parted(found)
