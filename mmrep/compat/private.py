"""Private parts of other packages, and a sentence where one is gone."""
from importlib import import_module
from typing import Any


def private(path: str, user: str, purpose: str) -> Any:
    """Fetch a private part of another package.

    Args:
        path: The part's module and name, such as
            ``'torch.nn.modules.x._Base'``.
        user: The ``__name__`` of the module that uses it.
        purpose: The purpose, such as ``'to know batch norms'``.

    Raises:
        ImportError: The part is not there, perhaps since an upgrade.
    """
    home, _, name = path.rpartition('.')
    try:
        return getattr(import_module(home), name)
    except (ImportError, AttributeError) as error:
        package = import_module(path.partition('.')[0])
        version = getattr(package, '__version__', '')
        raise ImportError(
            f'{path} is gone in {package.__name__} {version}: '
            f"{user.replace('.', '/')}.py needs another way {purpose}"
        ) from error
