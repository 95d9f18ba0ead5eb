"""Functions over nested containers of tensors.

Uses: ``torch.utils._pytree``, on which torch.func and torch.export are built
and which has no public name up to PyTorch 2.14. Lists, tuples, dicts and
NamedTuples keep their kinds.
"""
from .private import private

PURPOSE = 'to walk containers of tensors'
tree_flatten = private('torch.utils._pytree.tree_flatten', __name__, PURPOSE)
tree_map = private('torch.utils._pytree.tree_map', __name__, PURPOSE)
tree_map_only = private('torch.utils._pytree.tree_map_only', __name__, PURPOSE)
