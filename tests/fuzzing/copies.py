"""Load, copy and share a layer between two forward passes."""
import copy
import io
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import torch
from torch import nn
from torch.func import functional_call

from .cases import randomize
from .formulas import block
from .parts import Part, read
from .subject import Subject, same

THREADS = 4


def other(subject: Subject) -> nn.Module:
    """Return a layer of the same structure with other values."""
    layer = copy.deepcopy(subject.layer)
    randomize(layer)
    return layer


def load_rich(subject: Subject) -> None:
    subject.layer.load_state_dict(
        other(subject).state_dict(), assign=subject.rng.random() < .5)


def load_plain(subject: Subject) -> None:
    """Load a plain convolution's checkpoint and compute what that computes."""
    conv = subject.case.conv().to(subject.x.dtype)
    randomize(conv)
    subject.layer.load_state_dict(conv.state_dict())
    expected = block(Part(*read(conv)), subject.x.double(),
                     subject.look).detach()
    with torch.no_grad():
        same('output', subject.layer(subject.x), expected, subject.x.dtype)


def deepcopied(subject: Subject) -> None:
    _apart(subject, copy.deepcopy(subject.layer))


def pickled(subject: Subject) -> None:
    file = io.BytesIO()
    torch.save(subject.layer, file)
    file.seek(0)
    _apart(subject, torch.load(file, weights_only=False))


def _apart(subject: Subject, twin: nn.Module) -> None:
    """Assert that the source does not see writes to its copy."""
    source = subject.layer
    subject.layer = twin
    subject.check()
    randomize(twin)
    subject.check()
    subject.layer = source
    subject.check()
    subject.layer = twin


def functional(subject: Subject) -> None:
    """Call the layer once with other tensors, then with its own."""
    source, subject.layer = subject.layer, other(subject)
    values = subject.layer.state_dict()
    subject.check(lambda x: functional_call(source, values, (x, )))
    subject.layer = source


def threads(subject: Subject) -> None:
    """Call the layer in threads that set its mode, as a server may do."""
    layer, x, dtype = subject.layer, subject.x, subject.x.dtype
    expected, _ = subject.expected(x)
    barrier, interval = Barrier(THREADS), sys.getswitchinterval()

    def ask(_) -> None:
        barrier.wait()
        for _ in range(3):
            with torch.no_grad():
                same('output', layer.eval()(x), expected, dtype)

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(ask, range(THREADS)))
    finally:
        sys.setswitchinterval(interval)


COPIES = {
    'load_state_dict': load_rich,
    'load plain': load_plain,
    'deepcopy': deepcopied,
    'torch.save': pickled,
    'functional_call': functional,
    'threads': threads,
}
