"""A process that is ended leaves nothing half-written."""
import signal
import threading
from pathlib import Path

import pytest

from mmrep.atomic import write_together
from mmrep.ending import ended_by_sigterm


@pytest.fixture(autouse=True)
def unhandled():
    """Make sure that no handler of the signal is set."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_process_that_is_ended_leaves_nothing(tmp_path):
    path = tmp_path / 'a'
    path.write_text('old')

    def write(part):
        Path(part).write_text('half')
        assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
        signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit) as ended:
        write_together({str(path): write})
    assert ended.value.code == 128 + signal.SIGTERM
    assert [p.name for p in tmp_path.iterdir()] == ['a']
    assert path.read_text() == 'old'


def test_signals_of_others_stay(tmp_path):
    """A handler that is set stays; where none is set, none is left."""
    seen = []

    def look(path):
        seen.append(signal.getsignal(signal.SIGTERM))
        Path(path).write_text('new')

    for handler in (signal.SIG_IGN, signal.SIG_DFL):
        signal.signal(signal.SIGTERM, handler)
        write_together({str(tmp_path / 'a'): look})
        assert signal.getsignal(signal.SIGTERM) == handler
    assert seen[0] == signal.SIG_IGN and callable(seen[1])


def test_not_in_other_threads():
    """Only the main thread may handle signals."""
    seen = []

    def look():
        with ended_by_sigterm():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]
