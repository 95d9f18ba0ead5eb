"""Where runs take place, and the commands that start them there."""
import os
import os.path as osp
import shlex
import shutil
import sys
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence

import torch

from ..errors import UserError
from .plan import Run

CPU = 'cpu'
LAUNCHERS = ('none', 'pytorch', 'slurm')
FINISHING = ('-m', 'mmrep.comparing.finishing')


@dataclass(frozen=True)
class Place:
    """Devices that one run at a time has for itself.

    Attributes:
        devices: Their names: numbers of GPUs, or 'cpu' for a part of the
            cores; nothing for a place that slurm finds.
        threads: The number of threads of each process, None for its default.
    """

    devices: Sequence[str]
    threads: Optional[int] = None

    @property
    def environment(self) -> Dict[str, str]:
        """Environment variables of a process at this place."""
        added = {}
        if self.devices:
            gpus = [d for d in self.devices if d != CPU]
            added['CUDA_VISIBLE_DEVICES'] = ','.join(gpus)
        if self.threads:
            added['OMP_NUM_THREADS'] = str(self.threads)
        return added


def places_of(text: Optional[str], processes: int = 1) -> List[Place]:
    """Return the places that ``--devices`` names.

    Args:
        text: Names of devices with commas between, such as ``0,1,2,3`` or
            ``cpu,cpu``. A device that is named twice has two runs at a time.
            None for the first GPU, or the CPU without one.
        processes: The number of devices that one run needs. Defaults to 1.

    Raises:
        UserError: A device is unknown, CPU and GPUs are mixed, or the
            devices cannot be shared out evenly.
    """
    names = [part.strip() for part in (text or _usual(processes)).split(',')]
    known = [CPU, *map(str, range(torch.cuda.device_count()))]
    for name in names:
        if name not in known:
            raise UserError(f'--devices (={text!r}) names {name!r}: this '
                            f"machine has {', '.join(known)}")
    if CPU in names and set(names) != {CPU}:
        raise UserError(f'--devices (={text!r}) mixes the CPU and GPUs, whose '
                        'times cannot be compared')
    if len(names) % processes:
        raise UserError(f'--devices (={text!r}) are {len(names)}, which is no '
                        f'multiple of --processes (={processes})')
    shared = CPU in names and len(names) > 1
    threads = None
    if shared and 'OMP_NUM_THREADS' not in os.environ:
        threads = max(1, (os.cpu_count() or 1) // len(names))
    return [
        Place(tuple(names[i:i + processes]), threads)
        for i in range(0, len(names), processes)
    ]


def _usual(processes: int) -> str:
    if torch.cuda.is_available():
        return ','.join(map(str, range(processes)))
    return ','.join([CPU] * processes)


@dataclass(frozen=True)
class Launch:
    """How the processes of a run are started.

    Attributes:
        tools: The folder of ``train.py``.
        launcher: One of ``LAUNCHERS``.
        processes: The number of processes that train together.
        partition: The partition of slurm.
    """

    tools: str
    launcher: str = 'none'
    processes: int = 1
    partition: str = ''

    def check(self) -> None:
        """Refuse a launcher that is not there.

        Raises:
            UserError: slurm has no partition, its ``srun`` is missing, or one
                process is to be launched as several.
        """
        if self.processes > 1 and self.launcher == 'none':
            raise UserError(f'--processes (={self.processes}) needs '
                            '--launcher pytorch or slurm')
        if self.launcher != 'slurm':
            return
        if not self.partition:
            raise UserError('--launcher slurm needs --partition')
        if shutil.which('srun') is None:
            raise UserError('--launcher slurm needs `srun`, which is not '
                            'installed on this machine')

    def train(self, run: Run, checkpoint: Optional[str]) -> List[str]:
        """Return the command that trains a run.

        Args:
            run: The run.
            checkpoint: The path of a checkpoint to go on from, or None.
        """
        args = [run.config, '--work-dir', run.folder]
        if checkpoint is not None:
            args += ['--resume', checkpoint]
        script = osp.join(self.tools, 'train.py')
        if self.launcher == 'none':
            return [sys.executable, script, *args]
        if self.launcher == 'pytorch':
            return [
                sys.executable, '-m', 'torch.distributed.run', '--standalone',
                f'--nproc_per_node={self.processes}', script, *args,
                '--launcher', 'pytorch'
            ]
        return [
            *self._srun(run, self.processes), sys.executable, '-u', script,
            *args, '--launcher', 'slurm'
        ]

    def finish(self, run: Run) -> List[str]:
        """Return the command that deploys a trained run and tests it."""
        command = [sys.executable, *FINISHING, run.config, run.folder]
        if self.launcher == 'slurm':
            return [*self._srun(run, 1), *command]
        return command

    def _srun(self, run: Run, tasks: int) -> List[str]:
        """Return the beginning of a command of slurm, one GPU for a task."""
        per_node = min(tasks, int(os.environ.get('GPUS_PER_NODE', 8)))
        return [
            'srun', '-p', self.partition, f'--job-name={run.net}-{run.seed}',
            f'--gres=gpu:{per_node}', f'--ntasks={tasks}',
            f'--ntasks-per-node={per_node}',
            f"--cpus-per-task={os.environ.get('CPUS_PER_TASK', 5)}",
            '--kill-on-bad-exit=1',
            *shlex.split(os.environ.get('SRUN_ARGS', ''))
        ]
