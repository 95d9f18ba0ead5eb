"""The baseline trained for as long as the other nets take."""
import json
import os.path as osp
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Dict, List, Sequence

from ..answers.results import Result
from ..atomic import write_json, write_together
from ..errors import UserError
from .plan import Net
from .stretching import length_key, stretched

LEAST = 1.02  # how much longer, at least; a smaller difference is noise


def check_lengths(nets: Sequence[Net]) -> None:
    """Refuse a baseline whose training has no length.

    Args:
        nets: The nets, the baseline first.

    Raises:
        UserError: See :func:`length_key`.
    """
    length_key(nets[0].cfg)


def longer_baselines(nets: Sequence[Net], results: Sequence[Result],
                     work_dir: str) -> Dict[str, Net]:
    """Return the baseline with the training time of each slower net.

    How much longer a baseline trains is written into the work dir, so that
    later calls, with more seeds, keep it.

    Args:
        nets: The nets, the baseline first.
        results: The finished runs.
        work_dir: The folder of the comparison.

    Returns:
        The longer baseline for each net that takes longer, by its name.

    Raises:
        UserError: A file cannot be read or written.
    """
    baseline, found = nets[0], {}
    for net in nets[1:]:
        name = f'{baseline.name}_as_long_as_{net.name}'
        factor = _factor(
            osp.join(work_dir, f'{name}.json'),
            ratios(results, net.name, baseline.name))
        cfg = stretched(baseline.cfg, factor)
        key = length_key(cfg)
        is_longer = cfg.train_cfg[key] > baseline.cfg.train_cfg[key]
        if factor >= LEAST and is_longer:
            found[net.name] = Net(name, baseline.path, cfg)
    return found


def ratios(results: Sequence[Result], net: str, other: str) -> List[float]:
    """Return the ratios of two nets' training times, by pairs of seeds.

    Args:
        results: The finished runs.
        net: The name of the net whose time is divided.
        other: The name of the other net.
    """
    seconds = {(r.net, r.seed): r.seconds for r in results}
    return [
        s / seconds[other, seed] for (name, seed), s in seconds.items()
        if name == net and seconds.get((other, seed))
    ]


def _factor(path: str, measured: Sequence[float]) -> float:
    """Return the factor that is kept in a file, or keep the measured one."""
    if osp.exists(path):
        try:
            return float(json.loads(Path(path).read_text())['longer'])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f'cannot read {path!r}: {error}; remove it') \
                from error
    if not measured:
        return 1.
    factor = mean(measured)
    write_together({path: partial(write_json, dict(longer=factor))})
    return factor
