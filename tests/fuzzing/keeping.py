"""Kernels that are kept on request, and the changes they must notice."""
import mmrep

from .copies import load_rich
from .pieces import new_norm, new_parameter, norm_eps, one_norm
from .subject import Subject
from .writes import WRITES

SEEN = [
    WRITES['no_grad'], WRITES['SGD'], load_rich, norm_eps, new_parameter,
    new_norm, one_norm
]


def kept(subject: Subject) -> None:
    """Counted writes are seen inside; outside no kernel is kept."""
    with mmrep.keep_kernels(subject.layer):
        subject.check()
        subject.check()
        subject.rng.choice(SEEN)(subject)
        subject.check()
    WRITES['data[...] ='](subject)


KEEPING = {'keep_kernels': kept} if hasattr(mmrep, 'keep_kernels') else {}
