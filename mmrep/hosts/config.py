"""Read a config of any host, with clear errors."""
import os.path as osp
from importlib.util import find_spec
from typing import Optional

from mmengine.config import Config
from mmengine.utils import get_installed_path, import_modules_from_strings

from ..compat.hosts import HOSTS
from ..custom_imports import add_import
from ..errors import UserError, one_line
from .values import check_values


def load_config(path: str, cfg_options: Optional[dict] = None) -> Config:
    """Read a config of one of the hosts.

    Args:
        path: The path of a config file, or the name of a host's own one:
            ``mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py``.
        cfg_options: The values that replace those of the file, as from
            ``--cfg-options``. Defaults to None.

    Returns:
        The config. Its ``default_scope`` is an installed host, and it imports
        mmrep if it uses mmrep.

    Raises:
        UserError: The file cannot be read, its host is not installed, or a
            value is of the wrong kind.
    """
    path = _of_host(path)
    if osp.isdir(path):
        raise UserError(f'{path!r} is a folder, not a config file')
    if not osp.isfile(path):
        raise UserError(f'no such config: {path!r}')
    try:
        cfg = Config.fromfile(path)
    except Exception as error:  # a config is code and can raise anything
        raise UserError(
            f'cannot read config {path!r}: {_config_fault(error)}') from error
    try:
        cfg.merge_from_dict(cfg_options or {})
    except Exception as error:
        raise UserError(f'--cfg-options {cfg_options} do not fit config '
                        f'{path!r}: {one_line(error)}') from error
    _check_scope(cfg, path)
    check_values(cfg)
    if any(key.split('.')[0] == 'custom_imports' for key in cfg_options or {}):
        _import(cfg)  # Config.fromfile has imported the file's own
    add_import(cfg)
    return cfg


def _import(cfg: Config) -> None:
    """Import the modules that overrides name; mmengine ignores these."""
    try:
        import_modules_from_strings(
            **(cfg.get('custom_imports') or dict(imports=None)))
    except Exception as error:  # a module is code and can raise anything
        raise UserError(
            f'cannot import `custom_imports` (={cfg.custom_imports}) of '
            f'config {cfg.filename!r}: {_config_fault(error)}') from error


def _of_host(path: str) -> str:
    """Return the file of a config that is named ``host::name``."""
    host, _, name = path.rpartition('::')
    if not host:
        return path
    if host not in HOSTS or find_spec(host) is None:
        raise UserError(f'config {path!r} is of no installed host: it must '
                        f"start with one of {', '.join(HOSTS)}")
    return osp.join(get_installed_path(host), '.mim', 'configs', name)


def _config_fault(error: Exception) -> str:
    """Return the fault of a config in the words of its cause."""
    if isinstance(error, ImportError):
        # mmengine's own message lists the whole of sys.path
        root = error
        while root.__cause__ or root.__context__:
            root = root.__cause__ or root.__context__
        message = error.__cause__ or error
        if root is message:
            return one_line(message)
        return f'{one_line(message)}: {one_line(root)}'
    if isinstance(error, FileNotFoundError):
        return f'its `_base_` is not there: {one_line(error)}'
    return f'{type(error).__name__}: {one_line(error)}'


def _check_scope(cfg: Config, path: str) -> None:
    """Refuse a config whose host is unknown or not installed."""
    scope = cfg.get('default_scope')
    if not isinstance(scope, str) or scope not in HOSTS:
        raise UserError(f'`default_scope` (={scope!r}) of config {path!r} '
                        f"must be one of {', '.join(HOSTS)}")
    if find_spec(scope) is None:
        raise UserError(f'config {path!r} needs {scope}, which is not '
                        f'installed: pip install {HOSTS[scope]}')
