"""Check the visualizer of a config."""
from importlib.util import find_spec

from mmengine.config import Config

from ..custom_imports import type_name
from ..errors import shown
from .errors import UserError

# packages that mmengine's backends import when they first write
PACKAGES = dict(
    TensorboardVisBackend='tensorboard',
    WandbVisBackend='wandb',
    MLflowVisBackend='mlflow',
    ClearMLVisBackend='clearml',
    NeptuneVisBackend='neptune',
    DVCLiveVisBackend='dvclive',
    AimVisBackend='aim')


def check_visualizer(cfg: Config) -> None:
    """Refuse a backend that could not write.

    mmengine would notice only after it has made the work dir and the model.

    Args:
        cfg: The config, with or without ``visualizer``.

    Raises:
        UserError: The package of a backend is not installed, or the backends
            are not a list of dicts.
    """
    backends = (cfg.get('visualizer') or {}).get('vis_backends')
    if backends is None:
        return
    if not isinstance(backends, (list, tuple)) or not all(
            isinstance(backend, dict) for backend in backends):
        raise UserError(f'`vis_backends` (={shown(backends)}) of `visualizer` '
                        'must be a list of backends, each a dict with its '
                        '`type`: put it in brackets')
    for backend in backends:
        name = type_name(backend)
        package = PACKAGES.get(name)
        if package is not None and find_spec(package) is None:
            raise UserError(
                f"{name} in `visualizer` needs the package {package!r}, which "
                f'is not installed: run `pip install {package}` or leave the '
                'backend out')
