"""Mistakes that users can mend."""
from reprlib import Repr
from typing import Any

_REPR = Repr()
_REPR.maxstring = _REPR.maxother = 80
_REPR.maxlong = 40
_REPR.maxlevel = 3
LONGEST = 200  # characters of a value in a message


class UserError(ValueError):
    """A mistake that the user can mend; its message is one sentence.

    Examples:
        >>> import mmrep
        >>> try:
        ...     mmrep.DBBConv2d(4, 4, 3, groups=3)
        ... except mmrep.UserError as error:
        ...     print('groups' in str(error))
        True
    """


def one_line(error: BaseException) -> str:
    """Return the message of an error on a single line."""
    # the message of a KeyError is the repr of the key
    key = isinstance(error, KeyError) and len(error.args) == 1
    return ' '.join(str(error.args[0] if key else error).split())


def brief(error: BaseException) -> str:
    """Return the type of an error and the beginning of its message."""
    return f'{type(error).__name__}: {one_line(error)[:LONGEST]}'


def shown(value: Any) -> str:
    """Return a value as a message shows it, however large or deep it is."""
    try:
        text = ' '.join(_REPR.repr(value).split())
    except Exception:  # a number of thousands of digits, a broken __repr__
        return f'a {type(value).__name__}'
    return text if len(text) <= LONGEST else f'{text[:LONGEST]}...'


def lacks(thing: Any, base: type, name: str, *instead:
          str) -> NotImplementedError:
    """Return the error of a class that does not implement a method.

    Args:
        thing: Instance of the class.
        base: The class whose subclasses implement the method.
        name: The method's name.
        instead: Names of other methods that serve as well, if a class
            implements all of them.
    """
    ways = [(name, ), instead] if instead else [(name, )]
    wanted = [' and '.join(f'`{n}`' for n in names) for names in ways]
    return NotImplementedError(
        f'{type(thing).__name__} must implement {", or ".join(wanted)}, as '
        f'every kind of {base.__name__} does')
