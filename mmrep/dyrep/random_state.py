"""The random numbers of a process as plain data, and back."""
import random

import numpy as np
import torch


def save() -> dict:
    """Of torch, all its GPUs, numpy and Python."""
    name, keys, *rest = np.random.get_state()
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return dict(
        torch=torch.get_rng_state(),
        gpus=gpus,
        numpy=[name, keys.tolist(), *rest],
        python=random.getstate())


def restore(state: dict, torch_only: bool = False) -> None:
    """Go on from where it was saved.

    Args:
        state: From :func:`save`.
        torch_only: Leave numpy's and Python's, which data pipelines use.
    """
    torch.set_rng_state(state['torch'].cpu())
    if len(state['gpus']) == torch.cuda.device_count() > 0:
        torch.cuda.set_rng_state_all([gpu.cpu() for gpu in state['gpus']])
    if torch_only:
        return
    name, keys, *rest = state['numpy']
    np.random.set_state((name, np.array(keys, np.uint32), *rest))
    version, numbers, gauss = state['python']
    random.setstate((version, tuple(numbers), gauss))
