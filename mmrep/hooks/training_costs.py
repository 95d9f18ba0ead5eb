"""What a training costs and reaches, as numbers."""
from pathlib import Path
from typing import Any, Dict

import torch

try:
    import resource
except ImportError:  # Windows
    resource = None

MIB = 2**20


def numbers_of(metrics: Dict[str, Any]) -> Dict[str, float]:
    """Return the metrics that are numbers, without lists and matrices.

    Args:
        metrics: What the evaluator has returned.
    """
    found = {}
    for name, value in metrics.items():
        try:
            found[name] = float(value)
        except (TypeError, ValueError, RuntimeError):
            continue  # a confusion matrix, or the values of all classes
    return found


def peak() -> float:
    """Return the highest memory so far, in MiB; 0 where it is unknown."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / MIB
    try:
        return _of_this_program()
    except (OSError, ValueError, IndexError):  # not Linux
        pass
    if resource is None:
        return 0.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _of_this_program() -> float:
    """Return the highest memory since this program began, on Linux.

    That of the module ``resource`` counts the process that started it, too.
    """
    text = Path('/proc/self/status').read_text()
    return int(text.split('VmHWM:')[1].split()[0]) / 1024


def device_name() -> str:
    """Return the name of the device that a Runner trains on."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f'CPU, {torch.get_num_threads()} threads'
