"""Mistakes that users can mend."""


class UserError(Exception):
    """A mistake that the user can mend, told in one sentence."""
