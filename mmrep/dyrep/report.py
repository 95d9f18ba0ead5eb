"""Events of an evolving net, in words and numbers."""
import logging
from typing import Dict, List

from mmengine.logging import print_log

from ..layers.frozen_norms import takes_batches
from .evolution import Evolution
from .growing import norms_around

DEGENERATE = (
    "DyRep: the metric 'synflow' says nothing of {} of {} kernels: a batch "
    'norm behind them trains and removes their scale, so that the sum of '
    'gradient times kernel is the sum of gamma * dL/dgamma * eps / (var + '
    "eps) for any kernel. Use 'snip' here")


def start(evolution: Evolution) -> None:
    """Log what may grow, and warn of a metric that tells nothing.

    Args:
        evolution: The evolution that begins.
    """
    names = list(evolution.sites())
    print_log(
        f'DyRep: {len(names)} kernels of {evolution.scope!r} can grow, such '
        f'as {names[:3]}', 'current')
    if evolution.metric == 'synflow':
        count = degenerate(evolution)
        if count:
            print_log(
                DEGENERATE.format(count, len(names)), 'current',
                logging.WARNING)


def stopped(iteration: int, why: Exception) -> str:
    """Warn that growth has stopped, and why.

    Args:
        iteration: The number of the iteration, from 1.
        why: The error that stopped it.

    Returns:
        The message.
    """
    message = (f'DyRep at iteration {iteration}: {why}. Nothing was cut or '
               'grown, the network is as it was before the event and evolves '
               'no more; the training goes on')
    print_log(message, 'current', logging.WARNING)
    return message


def recalibrated(iteration: int, norms: int, batches: int) -> None:
    """Log that statistics were measured anew.

    Args:
        iteration: The number of the iteration, from 1.
        norms: Number of norms.
        batches: Number of batches.
    """
    print_log(
        f'DyRep at iteration {iteration}: the statistics of {norms} norms '
        f'were measured anew on {batches} batches', 'current')


def degenerate(evolution: Evolution) -> int:
    """Return how many kernels that can grow have a norm behind that trains.

    Args:
        evolution: The evolution of a model.
    """
    behind = [
        norms_around(evolution.model, site)
        for site in evolution.sites().values()
    ]
    return sum(bool(norms) and takes_batches(norms[0]) for norms in behind)


def event(record: dict) -> None:
    """Log the record of an event."""
    for line in lines(record):
        print_log(line, 'current')


def lines(record: dict) -> List[str]:
    """Return the record of an event as lines of text."""
    out = [
        f"DyRep cut {_named(cut)} of {cut['name']!r}" for cut in record['cut']
    ]
    if record['cut']:
        out.append(f"DyRep: features changed by {_change(record, 'cut')}")
    if record['grown'] is None:
        out.append('DyRep: no kernel is left that could grow')
    else:
        out.append(f"DyRep grew {record['grown']!r}, score "
                   f"{record['score']:.3e}, by "
                   f"{', '.join(record['branches'])}; features changed by "
                   f"{_change(record, 'grown')}")
    parameters, flops = record['parameters'], record['flops']
    out.append(f'DyRep: parameters {parameters[0] / 1e6:.2f} M -> '
               f'{parameters[1] / 1e6:.2f} M, multiply-adds of an image '
               f'{flops[0] / 1e9:.3f} G -> {flops[1] / 1e9:.3f} G')
    return out


def _named(cut: dict) -> str:
    pairs = zip(cut['branches'], cut['importances'])
    return ', '.join(f'{name} (importance {value:.3f})'
                     for name, value in pairs)


def _change(record: dict, what: str) -> str:
    frozen, trained = record[f'{what}_change']
    return f'{frozen:.1e} (norms in eval), {trained:.1e} (in training)'


def scalars(record: dict) -> Dict[str, float]:
    """Return the record of an event as numbers, by the names of scalars."""
    out = {
        'dyrep/parameters': record['parameters'][1],
        'dyrep/flops': record['flops'][1],
        'dyrep/blocks': len(record['importances']),
        'dyrep/branches': sum(map(len, record['importances'].values())),
        'dyrep/grown': len(record['branches']),
        'dyrep/cut': sum(len(cut['branches']) for cut in record['cut']),
        'dyrep/cut_change': record['cut_change'][1],
    }
    if record['grown'] is not None:
        out['dyrep/score'] = record['score']
        out['dyrep/grown_change'] = record['grown_change'][1]
    return out
