"""The optimizer of a config, built to see whether it can be."""
import copy

from mmengine.config import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper
from torch import nn

from .errors import UserError, one_line


def build_optimizer(cfg: Config, model: nn.Module) -> OptimWrapper:
    """Build the optimizer of a config for a model.

    Args:
        cfg: With ``optim_wrapper``, which stays as it is.
        model: Of the config.

    Raises:
        UserError: It cannot be built.
    """
    try:
        return build_optim_wrapper(model, copy.deepcopy(cfg.optim_wrapper))
    except Exception as error:  # whatever a constructor raises
        raise UserError(
            f'cannot build the `optim_wrapper` of config {cfg.filename!r}, '
            f"optimizer {cfg.optim_wrapper.get('optimizer')}: "
            f'{one_line(error)}') from error
