"""Warnings of other packages that say nothing about what a user does."""
import sys
import warnings

# message and module of each, as regular expressions that match the beginning
KNOWN = (
    # mmengine looks up where a host is installed
    ('pkg_resources is deprecated as an API', r'mmengine\.|importlib\Z'),
    # each decode head of mmseg builds its loss by an old name
    ('``build_loss`` would be deprecated soon', r'mmseg\.models\.builder'),
    # each of mmseg's own configs leaves this argument to its default
    ('Default ``avg_non_ignore`` is False', r'mmseg\.models\.losses\.'),
)


def hide_known_warnings() -> None:
    """Hide what the hosts warn of in every run, in this process.

    All other warnings stay, those of a user's own modules among them. With
    ``python -W ...`` or ``PYTHONWARNINGS`` the user decides about all.
    """
    if sys.warnoptions:
        return
    for message, module in KNOWN:
        warnings.filterwarnings('ignore', message, UserWarning, module)
