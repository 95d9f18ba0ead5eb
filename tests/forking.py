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
        env: Its environment.
        options: Other options of ``Popen``, which have no effect.
    """

    def __init__(self, command, stdout=None, env=None, **options):
        assert command[0] == sys.executable
        self.out = stdout or tempfile.TemporaryFile('w+')
        self.process = get_context('fork').Process(
            target=self._run,
            args=([*map(str, command[1:])], self.out.fileno(), env or {}))
        self.process.start()
        self.pid = self.process.pid

    @staticmethod
    def _run(args, out, env):
        os.setsid()
        for stream in (1, 2):
            os.dup2(out, stream)
        sys.stdout, sys.stderr = os.fdopen(1, 'w'), os.fdopen(2, 'w')
        forget_runners()
        os.environ.update(env)
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
