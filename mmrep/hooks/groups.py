"""The parameter groups of all optimizers of a model."""
from typing import Iterator, Union

from mmengine.optim import OptimWrapper, OptimWrapperDict


def param_groups(
        optim_wrapper: Union[OptimWrapper,
                             OptimWrapperDict]) -> Iterator[dict]:
    """Yield the parameter groups of all optimizers in a wrapper.

    Args:
        optim_wrapper: The wrapper of a
            Runner.

    Yields:
        The groups, as PyTorch's optimizers have them.
    """
    groups = optim_wrapper.param_groups
    if isinstance(groups, dict):  # an OptimWrapperDict has a dict of lists
        for each in groups.values():
            yield from each
    else:
        yield from groups
