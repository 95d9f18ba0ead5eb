"""Hide warnings of other packages that no user can act on."""
import sys
import warnings

# the message and the module of each warning, as regular expressions that
# match the beginning
KNOWN = (
    # given when mmengine looks up where a host is installed
    ('pkg_resources is deprecated as an API', r'mmengine\.|importlib\Z'),
    # each decode head of mmseg calls an old name to build its loss
    ('``build_loss`` would be deprecated soon', r'mmseg\.models\.builder'),
    # each of mmseg's own configs leaves this argument to its default
    ('Default ``avg_non_ignore`` is False', r'mmseg\.models\.losses\.'),
)


def hide_known_warnings() -> None:
    """Hide, in this process, the warnings that hosts give in every run.

    All other warnings stay, also those of a user's own modules. Nothing is
    hidden if the user sets ``python -W ...`` or ``PYTHONWARNINGS``.
    """
    if sys.warnoptions:
        return
    for message, module in KNOWN:
        warnings.filterwarnings('ignore', message, UserWarning, module)
