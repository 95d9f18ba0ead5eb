"""Attributes of other libraries, replaced so that it can be undone."""
from typing import Any, Callable

Undo = Callable[[], None]


def put(owner: Any, name: str, value: Any) -> Undo:
    """Replace an attribute of a module or class.

    Args:
        owner: The module or class.
        name: Of the attribute, which ``owner`` may inherit.
        value: The new one.

    Returns:
        What puts the old one back. It does nothing where another library has
        replaced ours since, which calls what it found.
    """
    has_own = name in vars(owner)
    before = vars(owner).get(name)
    setattr(owner, name, value)

    def undo() -> None:
        if vars(owner).get(name) is not value:
            return
        if has_own:
            setattr(owner, name, before)
        else:
            delattr(owner, name)

    return undo
