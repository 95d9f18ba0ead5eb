"""Make files that stock hosts load from a trained net."""
from .files import check_paths, write_fused
from .stock_config import plain_config
from .trip import Report, deploy
from .verify import example_input, relative_difference, worst_difference

__all__ = [
    'Report', 'check_paths', 'deploy', 'example_input', 'plain_config',
    'relative_difference', 'worst_difference', 'write_fused'
]
