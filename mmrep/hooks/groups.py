"""The parameter groups of all optimizers of a model."""
from typing import Iterator, Union

from mmengine.optim import OptimWrapper, OptimWrapperDict


def param_groups(
        optim_wrapper: Union[OptimWrapper,
                             OptimWrapperDict]) -> Iterator[dict]:
    """Go through the parameter groups of all optimizers in a wrapper.

    Args:
        optim_wrapper (OptimWrapper or OptimWrapperDict): A Runner's.

    Yields:
        Groups as PyTorch's optimizers have them.
    """
    groups = optim_wrapper.param_groups
    if isinstance(groups, dict):  # of an OptimWrapperDict
        for each in groups.values():
            yield from each
    else:
        yield from groups
