"""The parameter groups of whatever optimizes a model."""
from typing import Iterator


def param_groups(optim_wrapper) -> Iterator[dict]:
    """Those of all its optimizers.

    Args:
        optim_wrapper (OptimWrapper or OptimWrapperDict): Of a Runner.

    Yields:
        Groups as PyTorch's optimizers have them.
    """
    groups = optim_wrapper.param_groups
    if isinstance(groups, dict):  # of an OptimWrapperDict
        for each in groups.values():
            yield from each
    else:
        yield from groups
