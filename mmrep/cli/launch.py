"""From a checked config to a Runner, alike for all hosts and launchers."""
import inspect
import logging
import os
import os.path as osp
import sys

import torch
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.runner import Runner

from ..dyrep.arguments import check_whole
from ..random_state import WORKERS, folded
from .config import load_config
from .errors import UserError
from .hooks import check_hooks
from .outputs import check_config_stays, check_folder
from .runner import check_complete
from .visualizer import check_visualizer


def trust_checkpoints(trusted):
    """Let mmengine, too, unpickle whatever a file holds, or only data."""
    if trusted:
        os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'


def prepare_config(args):
    """Read the config that the common arguments name, and apply them.

    Args:
        args (Namespace): With ``config`` and :func:`add_common_arguments`.

    Returns:
        Config: Ready to be checked; nothing is built or written yet.

    Raises:
        UserError: There is no such config, it lacks something that
            a Runner needs, its visualizer cannot write, or its hooks,
            `randomness` or work dir are impossible.
    """
    cfg = load_config(args.config, args.cfg_options)
    trust_checkpoints(args.trust_checkpoint)
    check_visualizer(cfg)
    check_hooks(cfg)
    check_complete(cfg)
    set_seed(cfg)
    set_work_dir(cfg, args.work_dir)
    set_loader_defaults(cfg)
    return cfg


def set_seed(cfg):
    """Let the seed of a run be one that numpy takes in all its processes.

    mmengine adds the numbers of processes and of their workers to it.

    Args:
        cfg (Config): Changed in place where it has another one.

    Raises:
        UserError: `randomness` has no whole number as `seed`, or arguments
            that there are not.
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
            f'`randomness.seed` (={seed}) is more than numpy takes: '
            f'{randomness.seed} is taken in its place', 'current')


def set_work_dir(cfg, work_dir):
    """Choose the work dir: the flag, else the config, else by its name.

    Args:
        cfg (Config): Changed in place.
        work_dir (str): What the flag says, None without it.

    Raises:
        UserError: It cannot be made or written, or the Runner would write its
            config over the one that it is read from.
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


def set_loader_defaults(cfg):
    """Fill in what mmpretrain's configs leave to mmpretrain's tools."""
    if cfg.default_scope != 'mmpretrain':
        return
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = cfg.get(name)
        if loader:
            loader.setdefault('pin_memory', get_device() == 'cuda')
            loader.setdefault('collate_fn', dict(type='default_collate'))
            # torch refuses persistent workers where there are none
            loader.setdefault('persistent_workers',
                              loader.get('num_workers', 0) > 0)


def prepare_launcher(cfg, launcher, local_rank=0):
    """Set the config up for a launcher, starting gloo where no GPU is.

    Args:
        cfg (Config): Changed in place.
        launcher (str): 'none', 'pytorch', 'slurm' or 'mpi'.
        local_rank (int): From ``torch.distributed.launch``. Defaults to 0.

    Raises:
        UserError: If the launcher did not start this process, or needs GPUs.
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


def leave_group():
    """End a process of a gloo group, its work done, without a teardown.

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


def _unsync_norms(node):
    """Replace SyncBN, which torch has for GPUs only, by BN."""
    if isinstance(node, dict):
        if node.get('type') == 'SyncBN':
            node['type'] = 'BN'
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for item in node:
            _unsync_norms(item)
