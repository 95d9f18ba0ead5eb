"""Mistakes that users can mend."""


class UserError(ValueError):
    """A mistake that the user can mend, told in one sentence."""


def one_line(error):
    """Return the message of an error on a single line."""
    # the message of a KeyError is the repr of the key
    key = isinstance(error, KeyError) and len(error.args) == 1
    return ' '.join(str(error.args[0] if key else error).split())
