"""Prepare a config for a Runner, for all hosts and launchers alike."""
import inspect
import logging
import os
import os.path as osp
import sys
from argparse import Namespace
from typing import Any, Optional

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.runner import Runner

from ..arguments import check_whole
from ..hosts import load_config
from ..random_state import WORKERS, folded
from .errors import UserError
from .outputs import check_config_stays, check_folder


def trust_checkpoints(trusted: bool) -> None:
    """Let mmengine unpickle any object of a file, if it is trusted."""
    if trusted:
        os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'


def prepare_config(args: Namespace) -> Config:
    """Read the config that the arguments name, and apply the arguments.

    Args:
        args: The arguments, with ``config`` and those of
            :func:`add_common_arguments`.

    Returns:
        The config for :mod:`.preflight`; nothing is built or written yet.

    Raises:
        UserError: The config cannot be read, or its ``randomness`` or its
            work dir is impossible.
    """
    cfg = load_config(args.config, args.cfg_options)
    trust_checkpoints(args.trust_checkpoint)
    set_seed(cfg)
    set_work_dir(cfg, args.work_dir)
    set_loader_defaults(cfg)
    return cfg


def set_seed(cfg: Config) -> None:
    """Replace a seed that numpy would refuse in one of the processes.

    mmengine adds the numbers of the processes and of their workers to it.

    Args:
        cfg: The config, changed in place if its seed is too large.

    Raises:
        UserError: ``seed`` of ``randomness`` is not a whole number, or
            ``randomness`` has an unknown argument.
    """
    randomness = cfg.get('randomness')
    if randomness is None:
        cfg.pop('randomness', None)
        return
    known = inspect.signature(Runner.set_randomness).parameters
    if not isinstance(randomness, dict) or not randomness.keys() <= set(known):
        raise UserError(
            f'`randomness` (={randomness!r}) must be a dict with some of '
            f"{', '.join(name for name in known if name != 'self')}")
    seed = randomness.get('seed')
    if seed is None:
        randomness.seed = None  # mmengine draws one
        return
    check_whole('randomness.seed', seed)
    randomness.seed = folded(seed, room=WORKERS)
    if randomness.seed != seed:
        print_log(
            f'`randomness.seed` (={seed}) is larger than numpy allows: '
            f'the run uses {randomness.seed} instead', 'current')


def set_work_dir(cfg: Config, work_dir: Optional[str]) -> None:
    """Set the work dir: the flag's, else the config's, else a default.

    The default is ``work_dirs/`` and the name of the config.

    Args:
        cfg: The config, changed in place.
        work_dir: The value of the flag, None without the flag.

    Raises:
        UserError: The folder cannot be made or written, or the Runner would
            write over the config file that it reads.
    """
    flag = work_dir is not None
    if not flag:
        work_dir = cfg.get('work_dir')
    if work_dir is None:
        name = osp.splitext(osp.basename(cfg.filename))[0]
        work_dir = osp.join('work_dirs', name)
    check_folder(work_dir, '--work-dir' if flag else '`work_dir`')
    check_config_stays(cfg.filename, work_dir)
    cfg.work_dir = work_dir


def set_loader_defaults(cfg: Config) -> None:
    """Set the options that mmpretrain's configs leave to its tools."""
    if cfg.default_scope != 'mmpretrain':
        return
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = cfg.get(name)
        if loader:
            loader.setdefault('pin_memory', get_device() == 'cuda')
            loader.setdefault('collate_fn', dict(type='default_collate'))
            # torch refuses persistent workers if there are no workers
            loader.setdefault('persistent_workers',
                              loader.get('num_workers', 0) > 0)


def prepare_launcher(cfg: Config, launcher: str, local_rank: int = 0) -> None:
    """Prepare a config for a launcher; without a GPU, start gloo.

    Args:
        cfg: The config, changed in place.
        launcher: The launcher: 'none', 'pytorch', 'slurm' or 'mpi'.
        local_rank: The rank that ``torch.distributed.launch`` passes.
            Defaults to 0.

    Raises:
        UserError: The launcher did not start this process, or needs GPUs.
    """
    cfg.launcher = launcher
    os.environ.setdefault('LOCAL_RANK', str(local_rank))
    if launcher == 'pytorch' and 'RANK' not in os.environ:
        raise UserError('--launcher pytorch needs processes started by '
                        'torchrun: use tools/dist_train.sh or dist_test.sh')
    if launcher == 'none' or get_device() != 'cpu':
        return
    if launcher != 'pytorch':
        raise UserError(f'--launcher {launcher} needs GPUs and there is none: '
                        'use --launcher pytorch or none')
    # mmengine would pick a GPU before it starts a process group of its own
    torch.distributed.init_process_group('gloo')
    if cfg.get('model_wrapper_cfg') is None:
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False))
    _unsync_norms(cfg.model)


def leave_group() -> None:
    """End a process of a gloo group without a teardown, after its work.

    Threads that are still alive during the teardown abort the process now
    and then (seen in 1 of 12 runs), and torchrun then reports a failure.
    """
    dist = torch.distributed
    if dist.is_initialized() and dist.get_backend() == 'gloo':
        dist.barrier()
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _unsync_norms(node: Any) -> None:
    """Replace SyncBN, which needs GPUs, by BN at any depth of a config."""
    if isinstance(node, dict):
        if node.get('type') == 'SyncBN':
            node['type'] = 'BN'
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for item in node:
            _unsync_norms(item)
