"""DyRep: blocks that grow and shrink while a net trains."""
from .evolution import SEVEN, Evolution
from .look import Data
from .optimizer import regroup
from .scoring import METRICS, Scores

__all__ = ['METRICS', 'SEVEN', 'Data', 'Evolution', 'Scores', 'regroup']
