"""The values that schedulers keep for each group of an optimizer.

Uses: ``_last_value`` of mmengine's schedulers and ``_last_lr`` of PyTorch's,
from which they compute the next values. Neither can be set by a public name.
The other attributes are public.
"""
from typing import Iterator, List, Tuple

VALUES = ('base_values', '_last_value', 'min_values', 'base_lrs', '_last_lr',
          'min_lrs')
FUNCTIONS = ('lr_lambdas', )


def per_group(scheduler: object, groups: int) -> Iterator[Tuple[str, List]]:
    """Find the lists that have an entry for each group.

    Args:
        scheduler: A scheduler of mmengine or PyTorch.
        groups: Number of groups of the optimizer. A wrapper of mmengine has
            one more.

    Yields:
        The name of the attribute and the list. It holds values of the
        scheduled quantity or, under a name of ``FUNCTIONS``, functions that
        return factors of it.
    """
    for name in (*VALUES, *FUNCTIONS):
        values = getattr(scheduler, name, None)
        if isinstance(values, list) and len(values) >= groups:
            yield name, values
