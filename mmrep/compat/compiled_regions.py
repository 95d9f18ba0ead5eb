"""The kernels that a region compiled by inductor launches.

Uses: the form of the modules that inductor writes. A mode of PyTorch does not
see their kernels, and with the C++ wrapper not even their products. PyTorch
has no public count up to 2.14, and ``torch._inductor.metrics`` counts kernels
several times on a CPU. So the text of a module tells its kernels, and Python's
profiler tells when it runs. A replay of a CUDA graph is one launch.
"""
import contextlib
import re
import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Callable, Dict, Iterator

__all__ = ['kernels_in', 'watch_regions']

# names in a module of inductor, by the language that calls the kernels
MARKS = {'AsyncCompile', 'CppWrapperCodeCache'}
ENTRIES = {'call', 'g'}  # functions that run a region, by these languages
# a kernel, in Python, C++ and Triton, or a product of PyTorch or another
# operation that inductor does not generate
CALL = re.compile(
    r'''
    \b(?:call_)?(?:cpp|triton)_\w*fused\w*(?:\.run)?\(
    |\bextern_kernels\.\w+\(
    |\btorch\.ops\.\w+\.\w+(?:\.\w+)?\(
    |\baoti_torch_(?:cpu|cuda)_\w+\(''', re.VERBOSE)
# declarations, definitions and comments of kernels
OTHERS = re.compile(r'^\s*(?:extern "C"|def |#|//|template|static |inline )')


def kernels_in(source: str) -> int:
    """Return the number of kernels that a run of a region launches.

    Args:
        source: The text of the module that inductor wrote for the region.
    """
    return sum(
        len(CALL.findall(line)) for line in source.splitlines()
        if not OTHERS.match(line))


@contextlib.contextmanager
def watch_regions(launched: Callable[[int], Any],
                  inside: Callable[[bool], Any]) -> Iterator[None]:
    """Tell the kernels of all compiled regions that run meanwhile.

    Args:
        launched: The function to call with the number of kernels of a region
            that begins to run, and with 1 for each replay of a CUDA graph.
        inside: The function to call with True when a region begins to run
            and with False when it has run: what PyTorch sees in between is
            among its kernels.
    """
    known: Dict[CodeType, int] = {}

    def watch(frame: FrameType, event: str, value: Any) -> None:
        if event == 'c_call' and _is_replay(value):
            launched(1)
        elif event in ('call', 'return') and _is_region(frame):
            if event == 'call':
                launched(_kernels_of(frame.f_code, known))
            inside(event == 'call')

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(before)


def _is_replay(function: Any) -> bool:
    return 'CUDAGraph.replay' in getattr(function, '__qualname__', '')


def _is_region(frame: FrameType) -> bool:
    return frame.f_code.co_name in ENTRIES and not MARKS.isdisjoint(
        frame.f_globals)


def _kernels_of(code: CodeType, known: Dict[CodeType, int]) -> int:
    if code not in known:
        known[code] = kernels_in(Path(code.co_filename).read_text())
    return known[code]
