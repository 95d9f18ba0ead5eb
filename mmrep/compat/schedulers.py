"""What schedulers keep for each group of an optimizer.

Uses: ``_last_value`` of mmengine's schedulers and ``_last_lr`` of PyTorch's,
of which all methods begin; neither can be set by a public name. The others
are public attributes.
"""
from typing import Iterator, List, Tuple

VALUES = ('base_values', '_last_value', 'min_values', 'base_lrs', '_last_lr',
          'min_lrs')
FUNCTIONS = ('lr_lambdas', )


def per_group(scheduler: object, groups: int) -> Iterator[Tuple[str, List]]:
    """Find the lists that have an entry for each group.

    Args:
        scheduler: Of mmengine or PyTorch.
        groups: How many the optimizer has. A wrapper of mmengine has a
            further one.

    Yields:
        The name of the attribute and the list: values of what is scheduled,
        or ``FUNCTIONS`` that give factors of it.
    """
    for name in (*VALUES, *FUNCTIONS):
        values = getattr(scheduler, name, None)
        if isinstance(values, list) and len(values) >= groups:
            yield name, values
