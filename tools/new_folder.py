"""A folder that a tool writes whole or not at all, and images in it."""
import os
import shutil
import signal
import sys
from contextlib import contextmanager

import cv2


def complaint(out):
    """Return a sentence that says why OUT cannot be written, or None."""
    if '\0' in str(out):
        return f'OUT (={str(out)!r}) must be a path: it has a NUL byte.'
    if os.path.lexists(out):
        return (f'{out} exists already and is left as it is: remove it or '
                'name another folder.')


@contextmanager
def new_folder(out):
    """Give a hidden sibling and rename it, so OUT is whole or absent."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    part = out.with_name(f'.{out.name}.{os.getpid()}')
    try:
        part.mkdir(parents=True)  # if it exists, it is not ours to remove
        try:
            yield part
            part.rename(out)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        sys.exit(f'{out} could not be written: {error}.')


def write_image(path, image):
    """Write a PNG; raise OSError where ``cv2.imwrite`` stays silent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode('.png', image)[1].tobytes())
