"""Replace attributes of other libraries so that it can be undone."""
from typing import Any, Callable

Undo = Callable[[], None]


def put(owner: Any, name: str, value: Any) -> Undo:
    """Replace an attribute of a module or class.

    Args:
        owner: The module or class.
        name: The attribute's name; ``owner`` may inherit the attribute.
        value: The new value.

    Returns:
        A function that puts the old value back. It does nothing if another
        library has replaced ours since, because that library calls ours.
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
