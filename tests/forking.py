"""Python programs in forks of the tests' own process.

A process that imports the hosts anew needs some 5 s for that; a fork has them.
What a fork cannot show, such as the imports themselves, is left to tests that
start real processes.
"""
import os
import runpy
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path

from mmengine.utils import ManagerMeta, ManagerMixin


def forget_runners():
    """Forget the loggers and visualizers of Runners.

    mmengine finds them by a name that holds the time in seconds: a Runner of
    the same second would write to those of another.
    """
    managers = [ManagerMixin]
    for manager in managers:
        managers += manager.__subclasses__()
        if isinstance(manager, ManagerMeta):
            manager._instance_dict.clear()


class Forked:
    """A program in the manner of ``subprocess.Popen``.

    Args:
        command: The interpreter of this process, ``-m`` and a module or the
            path of a script, and arguments.
        stdout: The file that it prints to, None for one of its own.
        env: Its environment, beside that of this process.
        cwd: Its working directory, None for that of this process.
        options: Other options of ``Popen``, which have no effect.
    """

    def __init__(self, command, stdout=None, env=None, cwd=None, **options):
        assert command[0] == sys.executable
        self.out = stdout or tempfile.TemporaryFile('w+')
        self.process = get_context('fork').Process(
            target=self._run,
            args=([*map(str, command[1:])], self.out.fileno(), env or {}, cwd
                  or os.curdir))
        self.process.start()
        self.pid = self.process.pid

    @staticmethod
    def _run(args, out, env, cwd):
        os.setsid()
        for stream in (1, 2):
            os.dup2(out, stream)
        sys.stdout, sys.stderr = os.fdopen(1, 'w'), os.fdopen(2, 'w')
        forget_runners()
        os.environ.update(env)
        os.chdir(cwd)
        sys.path[:0] = filter(None, env.get('PYTHONPATH', '').split(':'))
        is_module = args[0] == '-m'
        sys.argv = args[is_module:]
        sys.path.insert(0, str(Path(sys.argv[0]).parent))
        run = runpy.run_module if is_module else runpy.run_path
        try:
            run(sys.argv[0], run_name='__main__')
        finally:
            sys.stdout.flush()
            sys.stderr.flush()

    @property
    def returncode(self):
        return self.process.exitcode

    def poll(self):
        return self.process.exitcode

    def wait(self, timeout=None):
        self.process.join(timeout)

    def communicate(self):
        """Wait for the end and return what it has printed, and None."""
        self.wait()
        self.out.seek(0)
        return self.out.read(), None


def run_forked(*command, cwd=None, **env):
    """Run a program in a fork; return its exit status and what it printed.

    Args:
        command: See :class:`Forked`.
        cwd: See :class:`Forked`.
        env: See :class:`Forked`.
    """
    forked = Forked(command, env=env, cwd=cwd)
    text, _ = forked.communicate()
    return forked.returncode, text


def run_ranks(*command, port, cwd=None, count=2, **env):
    """Run a program in forks that are processes of one group.

    Args:
        command: See :class:`Forked`.
        port: The port at which the processes find each other.
        cwd: See :class:`Forked`.
        count: The number of processes.
        env: See :class:`Forked`.

    Returns:
        Exit status and printed text of each process.
    """
    group = dict(
        MASTER_ADDR='127.0.0.1',
        MASTER_PORT=str(port),
        WORLD_SIZE=str(count),
        LOCAL_WORLD_SIZE=str(count),
        OMP_NUM_THREADS='1',
        **env)
    ranks = [
        Forked(
            command,
            env=dict(group, RANK=str(rank), LOCAL_RANK=str(rank)),
            cwd=cwd) for rank in range(count)
    ]
    texts = [rank.communicate()[0] for rank in ranks]
    return [(rank.returncode, text) for rank, text in zip(ranks, texts)]
