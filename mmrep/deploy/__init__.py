"""From a trained net to files that stock hosts load."""
from .absorb import absorb_biases
from .plain_config import plain_config
from .verify import branch_by_branch, example_input, worst_difference

__all__ = [
    'absorb_biases', 'branch_by_branch', 'example_input', 'plain_config',
    'worst_difference'
]
