"""The base class of all backbones here."""
from typing import List, Union

from mmengine.model import BaseModule
from torch import nn

from ..compat.reacting import Reacting
from ..layers.norm_inside import adapt_norms
from ..together.batcher import Batcher
from ..together.net import attach
from .freezing import eval_norms, freeze


class RichBackbone(Reacting, BaseModule):
    """A backbone whose convolutions may be blocks.

    It can freeze its first stages and keep its norms in eval mode, whatever
    its own mode is. It loads the weights of the plain net. On a GPU it makes
    the kernels of its blocks at once, see :func:`mmrep.batch_kernels`.

    Args:
        init_cfg: mmengine's config.
    """

    frozen_stages = -1
    norm_eval = False

    def __init__(self, init_cfg: Union[dict, List[dict], None] = None) -> None:
        super().__init__(init_cfg)
        attach(self, Batcher(on_cpu=False))

    def up_to(self, stage: int) -> List[nn.Module]:
        """The stem and the stages up to this one, which count from 1."""
        return []

    def train(self, mode: bool = True) -> 'RichBackbone':
        super().train(mode)
        self._freeze()
        if mode and self.norm_eval:
            eval_norms(self)
        return self

    def _freeze(self) -> None:
        if self.frozen_stages >= 0:
            freeze(self.up_to(self.frozen_stages))

    def before_loading(self, state_dict: dict, prefix: str) -> None:
        adapt_norms(self, state_dict, prefix)
