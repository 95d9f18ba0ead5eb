"""Commands in processes of their own."""
import os
import subprocess
import sys


def run(*command, cwd, **env):
    """Run a command whose scripts take the Python of the tests.

    Args:
        command: The program and its arguments.
        cwd: Its working directory.
        env: Its environment, beside that of this process.
    """
    env = {
        **os.environ, 'PYTHON': sys.executable,
        'OMP_NUM_THREADS': '1',
        **env
    }
    return subprocess.run([str(c) for c in command],
                          cwd=str(cwd),
                          env=env,
                          capture_output=True,
                          text=True,
                          timeout=300)
