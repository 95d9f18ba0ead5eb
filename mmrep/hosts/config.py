"""Reading a config of any host, with clear errors."""
import os.path as osp
from importlib.util import find_spec

from mmengine.config import Config
from mmengine.utils import get_installed_path, import_modules_from_strings

from ..compat.hosts import HOSTS
from ..custom_imports import add_import
from ..errors import UserError, one_line
from .values import check_values


def load_config(path, cfg_options=None):
    """Read a config of one of the hosts.

    Args:
        path (str): Config file, or one that a host brought along:
            ``mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py``.
        cfg_options (dict, optional): Overrides as from ``--cfg-options``.
            Defaults to None.

    Returns:
        Config: The config, its ``default_scope`` an installed host, which
            imports mmrep if it uses it.

    Raises:
        UserError: If it cannot be read, is for no installed host, or has a
            value of the wrong kind.
    """
    path = _of_host(path)
    if osp.isdir(path):
        raise UserError(f'{path!r} is a folder, not a config file')
    if not osp.isfile(path):
        raise UserError(f'no such config: {path!r}')
    try:
        cfg = Config.fromfile(path)
    except Exception as error:  # a config is code: it can raise anything
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
        _import(cfg)  # the config's own are there
    add_import(cfg)
    return cfg


def _import(cfg):
    """Import what overrides name; mmengine does it for the file alone."""
    try:
        import_modules_from_strings(
            **(cfg.get('custom_imports') or dict(imports=None)))
    except Exception as error:  # a module is code: it can raise anything
        raise UserError(
            f'cannot import `custom_imports` (={cfg.custom_imports}) of '
            f'config {cfg.filename!r}: {_config_fault(error)}') from error


def _of_host(path):
    """The file of a config named as ``host::name``."""
    host, _, name = path.rpartition('::')
    if not host:
        return path
    if host not in HOSTS or find_spec(host) is None:
        raise UserError(f'config {path!r} is of no installed host: it must '
                        f"start with one of {', '.join(HOSTS)}")
    return osp.join(get_installed_path(host), '.mim', 'configs', name)


def _config_fault(error):
    """Say what is wrong with a config in the words of its cause."""
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


def _check_scope(cfg, path):
    """Refuse a config that belongs to no installed host."""
    scope = cfg.get('default_scope')
    if not isinstance(scope, str) or scope not in HOSTS:
        raise UserError(f'`default_scope` (={scope!r}) of config {path!r} '
                        f"must be one of {', '.join(HOSTS)}")
    if find_spec(scope) is None:
        raise UserError(f'config {path!r} needs {scope}, which is not '
                        f'installed: pip install {HOSTS[scope]}')
