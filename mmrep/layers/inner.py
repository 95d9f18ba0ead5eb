"""Blocks in place of the kernels of blocks."""
import inspect

from mmengine.registry import MODELS

from .rep_conv import RepConv2d


def build_block(config: dict, **arguments) -> RepConv2d:
    """Build a block that stands in place of a kernel.

    Args:
        config: Its type and its own arguments.
        arguments: Those of ``nn.Conv2d``.

    Raises:
        ValueError: It is no re-parameterized layer.
    """
    kind = config.get('type')
    known = MODELS.get(kind) if isinstance(kind, str) else kind
    if not (inspect.isclass(known) and issubclass(known, RepConv2d)):
        raise ValueError(f'in place of a kernel stands {config}, its `type` '
                         'must be a re-parameterized layer')
    return MODELS.build(dict(**config, **arguments))


def with_norms(config: dict, norm_cfg: dict) -> dict:
    """The config of a block in a block: norms as around it, if it has some.

    Only OREPA blocks have none.
    """
    if config.get('type') == 'OREPAConv2d':
        return dict(config)
    return {'norm_cfg': norm_cfg, **config}
