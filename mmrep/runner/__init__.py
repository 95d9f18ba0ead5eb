"""A Runner around a model whose structure changes, and DyRep in it."""
