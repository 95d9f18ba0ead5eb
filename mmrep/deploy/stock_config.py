"""Write the config of a fused net, with stock types where they exist."""
import inspect
from typing import Any, Optional

from mmengine.config import Config
from mmengine.registry import MODELS

from ..backbones import AlexNetBN, MobileNetV1, RepResNet, RepVGGBackbone
from ..backbones.repvgg_arch import ARCHITECTURES
from ..custom_imports import drop_import, uses_mmrep
from ..heads import auxiliary_cls_head
from ..layers import RepConv2d
from ..nets.rich import reparameterized
from ..structures.by_config import restructured

# arguments of RepResNet that do not change what a trained net computes
TRAINING_ONLY = ('init_cfg', 'pretrained', 'drop_path_rate', 'with_cp',
                 'zero_init_residual', 'conv_cfg', 'stem_cfg', 'frozen_stages',
                 'norm_behind')
OURS = (AlexNetBN, MobileNetV1)  # no host has the plain form of these
PLAIN = dict(type='Conv2d')
# the ResNet of each host whose weights have the names that mmrep's have; the
# one of mmaction has other names
RESNETS = dict(
    mmdet='ResNet',
    mmseg='ResNet',
    mmpretrain='ResNet',
    mmpose='ResNet',
    mmyolo='mmdet.ResNet',
    mmrotate='mmdet.ResNet',
    mmdet3d='mmdet.ResNet',
    mmocr='mmdet.ResNet')
OF_MMPRETRAIN = ('mmpretrain', 'mmpose')  # these share one ResNet
WRAPPERS = (reparameterized, restructured)


def plain_config(cfg: Config) -> Config:
    """Rewrite a config for the fused weights of its model.

    An ``OREPAResNet`` and the like becomes the host's ``ResNet`` or
    ``ResNeXt``, a ``RepVGGBackbone`` of an mmpretrain config becomes
    ``RepVGG(deploy=True)``, and a ``Reparameterized`` model becomes that
    model. Hooks of mmrep and auxiliary classifiers are left out. A backbone
    that the host cannot express keeps its type, with plain convolutions. The
    import of mmrep is left out if nothing needs it any more.

    Args:
        cfg: The config of the training form, which stays as it is.

    Returns:
        The config of the fused net, which starts from no checkpoint.

    Examples:
        >>> from mmengine.config import Config
        >>> from mmrep.deploy import plain_config
        >>> backbone = dict(type='OREPAResNet', depth=18)
        >>> model = dict(type='ImageClassifier', backbone=backbone)
        >>> cfg = Config(dict(model=model, default_scope='mmpretrain'))
        >>> plain_config(cfg).model.backbone.type
        'ResNet'
    """
    out = Config(cfg.to_dict())
    out.model = _plain(out.model.to_dict(), cfg.default_scope)
    out.load_from, out.resume = None, False
    if out.get('custom_hooks'):  # a plain net does not evolve
        out.custom_hooks = [h for h in out.custom_hooks if not uses_mmrep(h)]
    for name, hook in list((out.get('default_hooks') or {}).items()):
        if uses_mmrep(hook):
            out.default_hooks.pop(name)
    wrapper = out.get('optim_wrapper') or {}
    if wrapper.get('constructor') and uses_mmrep(
            dict(type=wrapper['constructor'])):
        wrapper.pop('constructor')  # that of mmengine makes the same updates
    drop_import(out)
    return out


def _plain(node: Any, scope: str) -> Any:
    if isinstance(node, (list, tuple)):
        return type(node)(_plain(item, scope) for item in node)
    if not isinstance(node, dict):
        return node
    kind = _resolve(node.get('type'))
    if inspect.isclass(kind) and issubclass(kind, RepConv2d):
        return dict(PLAIN)
    if kind in WRAPPERS:
        parameters = inspect.signature(kind).parameters
        further = {k: v for k, v in node.items() if k not in parameters}
        further.pop('type')
        return _plain({**node['model'], **further}, scope)
    node = {key: _plain(value, scope) for key, value in node.items()}
    if 'type' in node:
        _forget_checkpoint(node)
    if kind is auxiliary_cls_head:
        node['aux_channels'] = ()
    for backbone, stock in ((RepResNet, _resnet), (RepVGGBackbone, _repvgg)):
        if inspect.isclass(kind) and issubclass(kind, backbone):
            for name in ('conv_cfg', 'stem_cfg', 'norm_behind'):
                node.pop(name, None)
            return stock(node, scope) or {**node, 'conv_cfg': PLAIN}
    if kind in OURS:
        node.pop('norm_behind', None)
    return node


def _forget_checkpoint(node: dict) -> None:
    """Remove the checkpoint that a part of the net would start from."""
    if node.get('pretrained') is not None:
        node['pretrained'] = None
    init_cfg = node.get('init_cfg')
    if isinstance(init_cfg, dict) and init_cfg.get('type') == 'Pretrained':
        node['init_cfg'] = None


def _resolve(kind: Any) -> Any:
    """Return the class of a ``type``: a name, with or without scope, or it."""
    return MODELS.get(kind) if isinstance(kind, str) else kind


def _arguments(backbone: type, node: dict) -> dict:
    """Return all arguments of a backbone, including defaults."""
    parameters = inspect.signature(backbone).parameters.values()
    return {p.name: node.get(p.name, p.default) for p in parameters}


def _resnet(node: dict, scope: str) -> Optional[dict]:
    """Return the host's ResNet or ResNeXt, None if it has no such net."""
    if scope not in RESNETS:
        return None
    arguments = _arguments(RepResNet, node)
    defaults = _arguments(RepResNet, {})
    width = arguments.pop('base_width') or arguments.pop('width_per_group')
    arguments.pop('width_per_group', None)
    kind = RESNETS[scope]
    if arguments.pop('groups') > 1:
        kind = kind.replace('ResNet', 'ResNeXt')
        name = 'width_per_group' if scope in OF_MMPRETRAIN else 'base_width'
        arguments.update({'groups': node['groups'], name: width or 4})
    elif width not in (None, arguments['base_channels']):
        return None
    if scope in OF_MMPRETRAIN and (arguments['deep_stem']
                                   or arguments['avg_down']):
        return None  # the modules of these have other names
    arguments['stem_channels'] = (
        arguments['stem_channels'] or arguments['base_channels'])
    accepted = _accepted(kind, scope)
    plain = {}
    for name, value in arguments.items():
        if name in TRAINING_ONLY:
            continue
        if name in accepted:
            plain[name] = value
        elif value != defaults.get(name):
            return None
    return dict(type=kind, **plain)


def _accepted(kind: str, scope: str) -> set:
    """Return the names of the arguments of a host's class and its bases."""
    with MODELS.switch_scope_and_registry(scope) as registry:
        backbone = registry.get(kind)
    return {
        name
        for cls in backbone.__mro__ if '__init__' in vars(cls)
        for name in inspect.signature(cls.__init__).parameters
    }


def _repvgg(node: dict, scope: str) -> Optional[dict]:
    """Return mmpretrain's RepVGG, None if it has no such net.

    A net with squeeze and excitation has none: mmpretrain's deployed form
    skips these.
    """
    arguments = _arguments(RepVGGBackbone, node)
    known = isinstance(arguments['arch'], str) and (arguments['arch']
                                                    in ARCHITECTURES)
    regular = all(isinstance(d, int) for d in arguments['dilations'])
    special = arguments.pop('half_indices') or not (known and regular)
    if scope != 'mmpretrain' or special or arguments['arch'].endswith('se'):
        return None
    for name in TRAINING_ONLY:
        arguments.pop(name, None)
    return dict(type='RepVGG', deploy=True, **arguments)
