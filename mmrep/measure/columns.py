"""The table of a comparison: its title and the texts of its rows."""
from typing import Dict

from .comparison import PARTS
from .host import LAUNCHED

UNITS = dict(s=1, ms=1e3)
Cells = Dict[str, str]  # the texts of a row by the names of columns


def title_of(found: dict) -> str:
    """Return a title that says what was measured, and where.

    Args:
        found: What ``tools/benchmark.py`` writes.
    """
    height, width = found['size']
    what = 'inference' if found['inference'] else 'training step'
    if found['host']:
        what = "host's time of a training step"
    if found['backbone']:
        what += ' of the backbone alone'
    return (f"{what}, {found['batch_size']} x {height} x {width}, "
            f"{found['device']}, {found['threads']} threads, PyTorch "
            f"{found['torch']}")


def duration(seconds: float, unit: str = 's') -> str:
    """Return seconds as a text with four digits, also for a fast GPU.

    Args:
        seconds: The duration in seconds.
        unit: The unit of the text, ``'s'`` or ``'ms'``. Defaults to ``'s'``.

    Examples:
        >>> from mmrep.measure.columns import duration
        >>> duration(0.0123456, 'ms')
        '12.35 ms'
    """
    return f'{seconds * UNITS[unit]:#.4g} {unit}'


def cells_of(row: dict) -> Cells:
    """Return a row of the table: the text of each column.

    Args:
        row: A row of :mod:`.comparison` or :mod:`.host`.
    """
    form = {'form': row['form']} if 'form' in row else {}
    told = [row[key] for key in ('moment', 'kernels') if key in row]
    name = [row['config'], *told]
    unit = 'ms' if 'launched' in row else 's'
    times = {part: duration(row[part], unit) for part in PARTS if part in row}
    work = {} if 'multiply_adds' not in row else {
        'multiply-\nadds': f"{row['multiply_adds'] / 1e9:.3f} G",
    }
    return {
        'config': ', '.join(name),
        **form,
        'parameters': f"{row['parameters'] / 1e6:.2f} M",
        **work,
        'time' if form else 'step': duration(row['seconds'], unit),
        **times,
        'ratio': f"{row['ratio']:.2f}",
        **_memory_of(row),
        **_launches_of(row),
    }  # yapf: disable


def _memory_of(row: dict) -> Cells:
    """Return the columns of a training step's memory."""
    if 'memory' not in row:
        return {}
    return {
        'peak memory': f"{row['memory'] / 2**20:.1f} MiB",
        'memory\nratio': f"{row['memory_ratio']:.2f}",
        'not\nexplained': f"{row['memory_unexplained']:+.1f} %",
    }


def _launches_of(row: dict) -> Cells:
    """Return the columns of what a step would launch, in all and by parts."""
    if 'launched' not in row:
        return {}
    parts = zip(PARTS, LAUNCHED)
    return {
        'launched': str(row['launched']),
        **{f'launched\n{part}': str(row[name]) for part, name in parts},
        'launched\nratio': f"{row['launched_ratio']:.2f}",
    }  # yapf: disable
