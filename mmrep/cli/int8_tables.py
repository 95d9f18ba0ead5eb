"""Tables of what INT8 costs."""
from typing import Dict, List

from rich.table import Table


def table_of_accuracy(scores: Dict[str, Dict[str, float]]) -> Table:
    """Return a table with a row for each file.

    Args:
        scores: The metrics of each file, by its name.
    """
    table = Table(title='validation set')
    metrics = list(next(iter(scores.values())))
    for column in ('', *metrics):
        table.add_column(column)
    for name, found in scores.items():
        table.add_row(name, *(f'{found[metric]:.3f}' for metric in metrics))
    return table


def table_of_layers(rows: List[dict]) -> Table:
    """Return a table with a row for each layer.

    Args:
        rows: The numbers of each, from :mod:`mmrep.inference.int8_layers`.
    """
    table = Table(title='layers; signal over the noise of 8 bits in dB')
    table.add_column('layer', overflow='fold')
    for column in ('largest\nweight', 'std', 'spread of\nchannels',
                   'weights,\nper tensor', 'weights,\nper channel',
                   'largest\ninput', 'input'):
        table.add_column(column, justify='right', no_wrap=True)
    for row in rows:
        table.add_row(row['layer'], f"{row['max_abs']:.3f}",
                      f"{row['std']:.4f}", f"{row['spread']:.1f}",
                      f"{row['weights_per_tensor']:.1f}",
                      f"{row['weights_per_channel']:.1f}",
                      f"{max(row['high'], -row['low']):.2f}",
                      f"{row['activations']:.1f}")
    return table
