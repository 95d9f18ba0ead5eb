"""The runs of a comparison: each net with each seed."""
import copy
import os.path as osp
from collections import Counter
from dataclasses import dataclass
from typing import List, Optional, Sequence

from mmengine.config import Config

from ..cli.launch import set_loader_defaults, set_seed
from ..cli.preflight import check_training
from ..compat.quiet import quiet
from ..custom_imports import add_import
from ..errors import UserError
from ..hosts import load_config
from .ends import check_end

FEWEST = 2  # seeds; with one there is no spread
HOOK = 'TrainingRecordHook'


@dataclass
class Net:
    """A config that is compared.

    Attributes:
        name: Its name, the stem of the path unless it has another length.
        path: The path of its config.
        cfg: Its config.
    """

    name: str
    path: str
    cfg: Config


@dataclass
class Run:
    """A net that is trained with a seed.

    Attributes:
        net: The name of the net.
        seed: The seed.
        cfg: The config of the run.
        folder: The work dir of the training.
    """

    net: str
    seed: int
    cfg: Config
    folder: str

    @property
    def name(self) -> str:
        """Name of the run."""
        return f'{self.net}, seed {self.seed}'

    @property
    def config(self) -> str:
        """Path of the config that is written for the run."""
        return f'{self.folder}.py'

    def beside(self, name: str) -> str:
        """Return the path of a file of the comparison's own."""
        return f'{self.folder}.{name}'


def read_nets(paths: Sequence[str],
              baseline: Optional[str] = None,
              options: Optional[dict] = None) -> List[Net]:
    """Read the configs, the baseline's first.

    Args:
        paths: The paths of the configs.
        baseline: The path or the name of the baseline's. Defaults to None:
            the first one.
        options: The values that replace those of each config. Defaults to
            None.

    Raises:
        UserError: A config cannot be read, two have the same name, the
            baseline is none of them, or a config has nothing to train or to
            test.
    """
    nets = [
        Net(_stem(p), p, load_config(p, copy.deepcopy(options))) for p in paths
    ]
    _check_names(nets)
    for net in nets:
        _check_tested(net)
    if baseline is None:
        return nets
    first = [n for n in nets if _is_named(n, baseline)]
    if not first:
        raise UserError(f'--baseline (={baseline!r}) must be one of the '
                        f"configs: {', '.join(n.name for n in nets)}")
    return first + [n for n in nets if n is not first[0]]


def _is_named(net: Net, text: str) -> bool:
    return text == net.name or osp.normpath(text) == osp.normpath(net.path)


def _stem(path: str) -> str:
    return osp.splitext(osp.basename(path.rpartition('::')[2]))[0]


def _check_names(nets: Sequence[Net]) -> None:
    for name, count in Counter(net.name for net in nets).items():
        if count > 1:
            both = ' and '.join(n.path for n in nets if n.name == name)
            raise UserError(f'{both} have the same name: rename one of the '
                            'configs, since runs and results are kept by it')


def _check_tested(net: Net) -> None:
    for key in ('train_dataloader', 'test_dataloader', 'test_evaluator'):
        if not net.cfg.get(key):
            raise UserError(f'config {net.path!r} has no `{key}`: a '
                            'comparison trains nets and tests them deployed')


def check_nets(nets: Sequence[Net]) -> None:
    """Refuse configs that could not be trained to the end.

    Raises:
        UserError: See :func:`mmrep.cli.preflight.check_training` and
            :func:`.ends.check_end`.
    """
    for net in nets:
        cfg = copy.deepcopy(net.cfg)
        set_seed(cfg)
        set_loader_defaults(cfg)
        cfg.setdefault('work_dir', '.')
        with quiet():  # a line for each parameter
            check_training(cfg)
        check_end(cfg)


def seeds_of(text: str) -> List[int]:
    """Return the seeds that a text names: a count, or a list with commas.

    Args:
        text: The text, such as ``5`` for the seeds 0 to 4, or ``3,7,11``.

    Raises:
        UserError: It is neither, or there are fewer than two.
    """
    parts = text.split(',')
    if not all(part.strip().isdecimal() for part in parts):
        raise UserError(f'--seeds (={text!r}) must be a number of seeds such '
                        'as 5, or several seeds such as 0,1,2')
    numbers = [int(part) for part in parts]
    seeds = list(range(numbers[0])) if len(numbers) == 1 else numbers
    if len(set(seeds)) < len(seeds):
        raise UserError(f'--seeds (={text!r}) has a seed twice')
    if len(seeds) < FEWEST:
        raise UserError(f'--seeds (={text!r}) must be at least {FEWEST}: one '
                        'seed cannot tell a gain from chance')
    return seeds


def runs_of(nets: Sequence[Net], seeds: Sequence[int],
            work_dir: str) -> List[Run]:
    """Return the runs, seed by seed, so that any part of them can be compared.

    Args:
        nets: The nets.
        seeds: The seeds.
        work_dir: The folder of the comparison.
    """
    return [run_of(net, seed, work_dir) for seed in seeds for net in nets]


def run_of(net: Net, seed: int, work_dir: str) -> Run:
    """Return the run of a net with a seed.

    Args:
        net: The net.
        seed: The seed.
        work_dir: The folder of the comparison.
    """
    cfg = copy.deepcopy(net.cfg)
    folder = osp.join(work_dir, net.name, f'seed_{seed}')
    cfg.randomness = {**(cfg.get('randomness') or {}), 'seed': seed}
    cfg.work_dir = folder
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or ()), dict(type=HOOK)]
    add_import(cfg)
    return Run(net.name, seed, cfg, folder)
