"""Blocks in place of the kernels of blocks."""
from .block_types import block_type, check_block, own_options
from .rep_conv import RepConv2d


def build_block(config: dict, **arguments) -> RepConv2d:
    """Build a block that stands in place of a kernel.

    Args:
        config: Its type and its own arguments.
        arguments: Those of ``nn.Conv2d``.

    Raises:
        UserError: It is no re-parameterized layer.
    """
    layer = check_block(config)
    options = {k: v for k, v in config.items() if k != 'type'}
    return layer(**options, **arguments)


def with_norms(config: dict, norm_cfg: dict) -> dict:
    """The config of a block in a block: norms as around it, if it has some.

    Raises:
        UserError: It is no config of a block.
    """
    check_block(config)
    if 'norm_cfg' not in own_options(block_type(config['type'])):
        return dict(config)
    return {'norm_cfg': norm_cfg, **config}
