"""Parts that the command line tools share."""
from ..checkpoints.weights import choose_weights
from ..hosts import build_model, load_config
from ..structures.matching import check_checkpoint_matches
from .data import check_datasets
from .errors import UserError, one_line, report_errors
from .launch import (leave_group, prepare_config, prepare_launcher,
                     set_loader_defaults, set_work_dir, trust_checkpoints)
from .options import add_common_arguments, add_trust_argument
from .outputs import check_folder
from .preflight import check_testing, check_training
from .runner import build_runner, launch_runner
from .weights import add_checkpoint_arguments

__all__ = [
    'UserError', 'add_common_arguments', 'add_checkpoint_arguments',
    'add_trust_argument', 'build_model', 'build_runner',
    'check_checkpoint_matches', 'check_datasets', 'check_folder',
    'check_testing', 'check_training', 'choose_weights', 'launch_runner',
    'leave_group', 'load_config', 'one_line', 'prepare_config',
    'prepare_launcher', 'report_errors', 'set_loader_defaults', 'set_work_dir',
    'trust_checkpoints'
]
