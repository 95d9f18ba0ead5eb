"""Names of other libraries' converters, and guards around these.

A converter reads ``conv.weight`` as the whole kernel, but a re-parameterized
layer has more than that. A guard refuses such layers, so that none is
destroyed silently.
"""
import functools
import inspect
from typing import Any, Callable, NamedTuple

from torch import Tensor

from ..errors import UserError
from .pytree import tree_flatten

# methods of hosts' and other libraries' modules that always convert
METHODS = ('switch_to_deploy', 'merge_kernel', 'reparameterize',
           'get_equivalent_kernel_bias', 'local_inject', 'repvgg_convert',
           'convert_to_deploy')
# methods that convert if they need no argument, else they may fuse anything
VAGUE = ('fuse', 'fuse_model')
# methods that mostly get a branch as their argument
OF_BRANCHES = ('_fuse_conv_bn', '_fuse_bn_tensor', 'fuse_bn', 'fuse_conv_bn')
# functions of a Python module that defines a class of torch modules
IN_MODULES = ('fuse_bn', )
# the module that defines a function, and the function's name
FUNCTIONS = (
    ('mmcv.cnn.utils.fuse_conv_bn', 'fuse_conv_bn'),
    ('mmcv.cnn.utils.fuse_conv_bn', '_fuse_conv_bn'),
    ('mmcv.cnn.bricks.conv_module', 'efficient_conv_bn_eval_forward'),
    ('torch.nn.utils.fusion', 'fuse_conv_bn_eval'),
)
# modules whose forward reads a convolution's weight instead of calling it
READERS = {
    'mmdet.models.dense_heads.tood_head.TaskDecomposition':
    'reduction_conv.conv',
    'mmseg.models.decode_heads.knet_head.IterativeDecodeHead':
    'kernel_generate_head.conv_seg',
}


class Rules(NamedTuple):
    """The rules by which the guards refuse.

    Attributes:
        rich: The class of layers whose weight is not their whole kernel.
        refuse: The function that refuses such layers. It is called with the
            converter's name and arguments.
        refuse_biases: The function that refuses biases which the converter
            may leave out.
    """

    rich: type
    refuse: Callable
    refuse_biases: Callable


def needs_nothing(method: Callable) -> bool:
    """Return True if a method can be called with ``self`` alone."""
    others = list(inspect.signature(method).parameters.values())[1:]
    starred = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    return all(p.default is not p.empty or p.kind in starred for p in others)


def guarded_method(method: Callable, what: str, first: int,
                   rules: Rules) -> Callable:
    """Return a method that checks its arguments from number ``first`` on."""

    @functools.wraps(method)
    def guarded(*args, **kwargs) -> Any:
        # a call with tensors fuses features and converts no module
        values, _ = tree_flatten([args[first:], kwargs])
        if not any(isinstance(value, Tensor) for value in values):
            rules.refuse(what, *values)
            rules.refuse_biases(what, *values)
        return method(*args, **kwargs)

    return guarded


def guarded_reader(forward: Callable, conv: str, rich: type) -> Callable:

    @functools.wraps(forward)
    def guarded(self, *args, **kwargs) -> Any:
        if isinstance(self.get_submodule(conv), rich):
            raise UserError(
                f'{type(self).__name__} reads the weight of its {conv!r} and '
                'never runs it: that convolution must stay plain, `exclude` '
                'it or give this module no `conv_cfg`')
        return forward(self, *args, **kwargs)

    return guarded


def guarded_function(function: Callable, home: Any, rules: Rules) -> Callable:
    what = f"{home.__name__.split('.')[0]}'s {function.__name__}"

    def guarded(*args, **kwargs) -> Any:
        values, _ = tree_flatten([args, kwargs])
        rules.refuse(what, *values)
        if function.__name__ in IN_MODULES:
            rules.refuse_biases(what, *values)
        return function(*args, **kwargs)

    return guarded
