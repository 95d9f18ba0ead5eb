"""Build the model of a config."""
import copy

from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from ..errors import UserError, one_line


def build_model(cfg: Config) -> nn.Module:
    """Build the model of a config, without loading any weights.

    Args:
        cfg: The config from :func:`load_config`.

    Returns:
        The model on the CPU.

    Raises:
        UserError: The config has no model, a type is unknown, or arguments
            are refused.
    """
    if cfg.get('model') is None:
        raise UserError(f'config {cfg.filename!r} has no `model`')
    init_default_scope(cfg.default_scope)
    model = copy.deepcopy(cfg.model)
    if cfg.get('data_preprocessor') is not None:  # as the Runner does
        model.setdefault('data_preprocessor',
                         copy.deepcopy(cfg.data_preprocessor))
    try:
        return MODELS.build(model)
    except Exception as error:  # whatever a constructor raises
        raise UserError(f'cannot build the model of config {cfg.filename!r}: '
                        f'{one_line(error)}') from error
