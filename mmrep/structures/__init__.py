"""The block structure of a model: described, written and restored."""
