"""Build the optimizer of a config."""
import copy

from mmengine.config import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper
from torch import nn

from .errors import UserError, one_line


def build_optimizer(cfg: Config, model: nn.Module) -> OptimWrapper:
    """Build the optimizer of a config for a model.

    Args:
        cfg: The config, whose ``optim_wrapper`` stays as it is.
        model: The model of the config.

    Raises:
        UserError: The optimizer cannot be built.
    """
    try:
        return build_optim_wrapper(model, copy.deepcopy(cfg.optim_wrapper))
    except Exception as error:  # whatever a constructor raises
        raise UserError(
            f'cannot build the `optim_wrapper` of config {cfg.filename!r}, '
            f"optimizer {cfg.optim_wrapper.get('optimizer')}: "
            f'{one_line(error)}') from error
