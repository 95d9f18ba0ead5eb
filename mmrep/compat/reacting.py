"""Modules that react when they are loaded or moved.

Uses: ``_load_from_state_dict`` and ``_apply`` of ``nn.Module``, which torch
calls for each module and means to be overridden. The public
``register_load_state_dict_pre_hook`` (PyTorch 2.5) would be stored in every
pickle and copy, and PyTorch 2.1 has it under a private name. ``to``, ``cuda``
and ``to_empty`` have no hook up to PyTorch 2.14.
"""
from typing import Any

from torch import nn


class Reacting(nn.Module):
    """Base of modules that override some of these four methods."""

    def before_loading(self, state_dict: dict, prefix: str) -> None:
        """Prepare for a state dict, which may be completed in place.

        Args:
            state_dict: The state dict of the whole model that is loaded.
            prefix: The prefix of this module's names in it, empty or with a
                dot at its end.
        """

    def after_loading(self) -> None:
        """Adapt to the weights that were loaded."""

    def before_moving(self) -> None:
        """Prepare for another device, dtype or memory."""

    def after_moving(self) -> None:
        """Adapt to another device, dtype or memory."""

    def _load_from_state_dict(self, state_dict: dict, prefix: str,
                              *args) -> None:
        self.before_loading(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)
        self.after_loading()

    def _apply(self, *args: Any, **kwargs: Any) -> 'Reacting':
        self.before_moving()
        super()._apply(*args, **kwargs)
        self.after_moving()
        return self
