"""Convert official checkpoints to the names of OpenMMLab and mmrep."""
import re
from types import ModuleType
from typing import Mapping

from ..errors import UserError, shown
from ..layers.geometry import check_flag
from . import (acb, dbb, dyrep, mmpretrain_repvgg, mobilenet, orepa, orepa_vgg,
               repvgg, repvggplus)
from .renaming import StateDict
from .resnet import put_norms_behind
from .wrappers import split_classifier, unwrap, without_prefixes

LAYOUTS = (mobilenet, orepa_vgg, orepa, repvggplus, repvgg, dyrep, acb, dbb,
           mmpretrain_repvgg)
TARGETS = ('backbone', 'classifier')
OWN = re.compile(r'(^|\.)(branches|kxk)\.')
PLAIN = re.compile(r'^layer\d+\.\d+\.conv\d\.weight$')


def convert(state_dict: Mapping,
            target: str = 'backbone',
            norm_behind: bool = False) -> StateDict:
    """Rename a checkpoint so that a backbone or classifier here loads it.

    | official checkpoint of            | becomes one of                     |
    |-----------------------------------|------------------------------------|
    | OREPA ResNet, ResNeXt, WideResNet | ``OREPAResNet``                    |
    | DBB ResNet                        | ``DBBResNet``, no norms behind     |
    | ACB ResNet                        | ``ACBResNet``, no norms behind     |
    | MobileNet, also of DBB and ACB    | ``MobileNetV1``, no norms behind   |
    | DyRep ResNet                      | ``DBBResNet``                      |
    | RepVGG, also mmpretrain's         | ``RepVGGBackbone``                 |
    | RepVGGplus                        | ``RepVGGBackbone``                 |
    | OREPA-RepVGG                      | ``OREPAVGGBackbone``               |
    | a single block                    | the layer                          |

    Deployed checkpoints become the same net of plain convolutions. A weight
    that an official layer orders or orients unlike the formula it stands for
    is permuted here: our layers follow the formula and still give the
    official outputs.

    Args:
        state_dict: A state dict, or a checkpoint that holds one; names may
            have the prefixes of wrappers (``module.``, ``backbone.``).
        target: The part to convert. ``backbone`` leaves the classifier out.
            ``classifier`` gives the names of mmpretrain's
            ``ImageClassifier``, and to auxiliary classifiers those of an
            ``AuxiliaryClsHead``. Defaults to 'backbone'.
        norm_behind: True to give DBB and ACB blocks a norm behind, which they
            do not have in the official nets and which is the identity in eval
            mode. Defaults to False, for nets built with
            ``norm_behind=False``.

    Returns:
        A new state dict, which shares the tensors that need not change.

    Raises:
        UserError: The layout is none of these, a name is left over, the
            checkpoint is damaged, it has no classifier to convert, or
            ``target`` is unknown.

    Examples:
        >>> import torch
        >>> from mmrep.checkpoints import convert
        >>> official = {
        ...     'module.stage0.rbr_reparam.weight': torch.randn(8, 3, 3, 3),
        ...     'module.stage0.rbr_reparam.bias': torch.zeros(8)
        ... }
        >>> list(convert(official))
        ['stem.branch_reparam.weight', 'stem.branch_reparam.bias']
    """
    check_flag('norm_behind', norm_behind)
    if target not in TARGETS:
        raise UserError(f'`target` (={shown(target)}) must be one of '
                        f'{TARGETS}')
    backbone, head = split_classifier(without_prefixes(unwrap(state_dict)))
    if target == 'classifier' and 'head.fc.weight' not in head:
        raise UserError('the checkpoint has no classifier: convert it with '
                        "target 'backbone'")
    backbone = _converted(_layout(backbone), backbone)
    if norm_behind:
        backbone = put_norms_behind(backbone)
    if target == 'backbone':
        return backbone
    return {**{f'backbone.{k}': v for k, v in backbone.items()}, **head}


def _layout(state_dict: StateDict) -> ModuleType:
    if any(map(OWN.search, state_dict)):
        raise UserError("the checkpoint has mmrep's own names: it loads as it "
                        'is')
    for layout in LAYOUTS:
        if any(map(layout.MARK.search, state_dict)):
            return layout
    if any(map(PLAIN.search, state_dict)):
        raise UserError('the checkpoint has the names of a plain ResNet: it '
                        'loads as it is, into any rich backbone, too')
    kinds = ', '.join(layout.KIND for layout in LAYOUTS)
    raise UserError(
        f'the checkpoint has no known layout ({kinds}): it holds '
        f'{len(state_dict)} names such as {sorted(state_dict)[:3]}')


def _converted(layout: ModuleType, state_dict: StateDict) -> StateDict:
    try:
        return layout.convert(state_dict)
    except UserError:
        raise
    except Exception as error:  # odd shapes can raise anything
        why = ' '.join(str(error).split())[:200]
        raise UserError(f'the checkpoint is damaged: a weight of {layout.KIND}'
                        f' is missing or has another shape ({why})') from error
