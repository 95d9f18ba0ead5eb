"""Pictures as arrays, for visualizers."""
from typing import Dict, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from .structure import draw_structure
from .weights import read_convs


def as_image(figure: Figure) -> np.ndarray:
    """Draw a picture as an array (height, width, 3) of bytes, in RGB."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def structure_image(state_dict: Dict[str, Tensor],
                    history: Sequence[dict]) -> np.ndarray:
    """Draw the blocks of a network that evolves, and their past.

    Args:
        state_dict: The weights of the network.
        history: The records of its events, at least one.
    """
    step = history[-1]['step']
    figure = draw_structure(f'iteration {step}', f'{len(history)} events',
                            read_convs(state_dict), history, step)
    return as_image(figure)
