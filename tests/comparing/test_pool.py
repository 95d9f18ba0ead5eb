"""Runs one after the other, at once, failing, stopped and killed."""
import io
import json
import os
import signal
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import pytest
from rich.console import Console

from mmrep.comparing.places import Launch, Place
from mmrep.comparing.pool import Pool
from mmrep.comparing.progress import Progress
from mmrep.errors import UserError

from .conftest import Played, result


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Look at the processes more often."""
    monkeypatch.setattr('mmrep.comparing.pool.PAUSE', 0.01)


@pytest.fixture
def pool_of():
    """Return a function that makes a pool, and what it has printed."""

    def pool_of(launch, places=1, check=lambda result: None):
        console = Console(file=io.StringIO(), width=200)
        pool = Pool(launch, [Place(())] * places, Progress(console, places),
                    check)
        return pool, console.file

    return pool_of


def starts_of(run):
    """Return pairs of the process and the first iteration of each start."""
    path = Path(run.beside('starts'))
    lines = path.read_text().splitlines() if path.exists() else []
    return [tuple(map(int, line.split())) for line in lines]


@pytest.mark.parametrize('places', [1, 3])
def test_all_runs_end(pool_of, runs, places):
    pool, printed = pool_of(Played(), places)
    results = pool.run(runs)
    assert [(r.net, r.seed) for r in results] == [('plain', 0), ('rich', 0),
                                                  ('plain', 1), ('rich', 1)]
    assert '4 runs: 2 nets, 2 seeds' in printed.getvalue()
    assert 'rich, seed 1: mIoU 1' in printed.getvalue()
    assert not pool.failures


def test_no_more_runs_at_a_time_than_places(pool_of, runs):
    pool, _ = pool_of(Played(pause=0.05), 2)
    most = []
    step = pool._step

    def noted(*args):
        step(*args)
        most.append(len(pool.jobs))

    pool._step = noted
    pool.run(runs)
    assert max(most) == 2


def test_finished_runs_are_kept(pool_of, runs):
    pool_of(Played())[0].run(runs[:2])
    pool, printed = pool_of(Played())
    assert len(pool.run(runs)) == 4
    assert [len(starts_of(run)) for run in runs] == [1, 1, 1, 1]
    assert '2 of them finished before' in printed.getvalue()


def test_a_failed_run_is_named_and_the_others_go_on(pool_of, runs):
    pool, printed = pool_of(Played(failing=['rich']))
    assert [r.net for r in pool.run(runs)] == ['plain', 'plain']
    assert list(pool.failures) == ['rich, seed 0', 'rich, seed 1']
    assert '`lr` (=-1) must be positive' in pool.failures['rich, seed 0']
    assert 'rich, seed 0 failed: training ended' in printed.getvalue()
    again, _ = pool_of(Played())
    assert len(again.run(runs)) == 4


def test_a_process_that_is_killed_has_failed(pool_of, runs):
    pool, _ = pool_of(Played(length=1000, pause=0.01))
    step = pool._step

    def killing(*args):
        step(*args)
        for process, _ in starts_of(runs[0])[:1]:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass

    pool._step = killing
    pool.run(runs[:1])
    assert 'signal 9' in pool.failures['plain, seed 0']


def test_a_refused_result_ends_all_but_is_kept(pool_of, runs):

    def check(result):
        raise UserError('no such metric')

    pool, _ = pool_of(Played(pause=0.05), 2, check)
    with pytest.raises(UserError, match='no such metric'):
        pool.run(runs)
    for run in runs:
        for process, _ in starts_of(run):
            with pytest.raises(ProcessLookupError):
                os.kill(process, 0)
    assert any(Path(run.beside('result.json')).exists() for run in runs)


def test_a_full_disk_is_one_sentence(pool_of, runs, monkeypatch):
    pool, _ = pool_of(Played())

    def full(self):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'touch', full)
    with pytest.raises(UserError, match='No space left.*runs are kept'):
        pool.run(runs[:1])


def call_of(runs):
    """Run runs as another call does; what is patched here is there, too."""
    console = Console(file=io.StringIO())
    launch = Played(length=30, pause=0.02)
    Pool(launch, [Place(())], Progress(console, 1), id).run(runs)


def wait_for(condition, seconds=60):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'it never came'
        time.sleep(0.02)


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_call_goes_on(pool_of, runs, number):
    """After SIGKILL the training lives on and the next call waits for it;
    SIGTERM ends it, and the next call resumes it."""
    run = runs[0]
    call = get_context('fork').Process(target=call_of, args=([run], ))
    call.start()
    wait_for(lambda: starts_of(run))
    (process, _), = starts_of(run)
    wait_for(Path(run.folder, 'training_record.json').exists)
    os.kill(call.pid, number)
    call.join()
    pool, _ = pool_of(Played(length=30))
    found, = pool.run([run])
    assert found.metrics == {'mIoU': 1.}
    starts = starts_of(run)
    if number == signal.SIGKILL:
        assert starts[0] == (process, 0)
        assert all(done == 30 for _, done in starts[1:])
    else:
        assert len(starts) == 2 and 0 < starts[1][1] < 30


SRUN = '''#!/bin/sh
echo "$@" >> "$SAID"
for last; do true; done
case "$*" in *finishing*) echo "$RESULT" > "$last.result.json";; esac
'''


def test_slurm(pool_of, runs, tmp_path, monkeypatch):
    """A stand-in for srun gets the commands, each for its run."""
    srun = tmp_path / 'srun'
    srun.write_text(SRUN)
    srun.chmod(0o755)
    monkeypatch.setenv('PATH', f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv('SAID', str(tmp_path / 'said'))
    monkeypatch.setenv('RESULT', json.dumps(result('plain').plain()))
    launch = Launch('tools', 'slurm', 8, 'gpus')
    launch.check()
    pool, _ = pool_of(launch, 4)
    assert len(pool.run(runs)) == 4
    lines = (tmp_path / 'said').read_text().splitlines()
    assert len(lines) == 8 and all('-p gpus' in line for line in lines)
    for run in runs:
        mine = [line for line in lines if f'{run.config} ' in line]
        assert ['train.py' in line for line in mine] == [True, False]


def test_a_process_that_writes_no_result(pool_of, runs, monkeypatch):
    monkeypatch.setattr(Played, 'finish',
                        lambda self, run: [sys.executable, '-S', '-c', ''])
    pool, _ = pool_of(Played())
    assert pool.run(runs[:1]) == []
    assert 'no result was written' in pool.failures['plain, seed 0']


def test_why_is_read_from_the_last_attempt(pool_of, runs):
    pool_of(Played(failing=['plain']))[0].run(runs[:1])
    pool, _ = pool_of(Played())
    train = pool.launch.train(runs[0], None)
    pool.launch = Played()
    silent = [*train[:3], 'import sys; sys.exit(3)']
    object.__setattr__(pool.launch, 'train', lambda *_: silent)
    pool.run(runs[:1])
    assert 'exit code 3:  (log' in pool.failures['plain, seed 0']
