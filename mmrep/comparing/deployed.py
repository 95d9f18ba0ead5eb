"""Deployed nets: fused, or plain with their norms folded."""
import os.path as osp
from typing import Tuple

from mmcv.cnn.utils import fuse_conv_bn
from torch import nn

from ..checkpoints.weights import read_weights
from ..deploy import deploy
from ..hosts import build_model, load_config
from ..nets.walk import rep_layers
from ..structures.from_weights import enrich
from ..structures.matching import load_in_eval
from .files import checkpoint_of

DEPLOYED = 'deployed'  # in the names of a run's files


def deploy_run(config: str, checkpoint: str, folder: str) -> None:
    """Write the deployed form of a trained run, if it has blocks.

    Args:
        config: The path of the config of the run.
        checkpoint: The path of its last checkpoint.
        folder: The work dir of its training.

    Raises:
        UserError: See :func:`mmrep.deploy.deploy`.
    """
    model = build_model(load_config(config))
    enrich(model, read_weights(checkpoint).state_dict)
    if any(rep_layers(model)):
        deploy(config, checkpoint, f'{folder}.{DEPLOYED}.pth')


def deployed_files(config: str, folder: str) -> Tuple[str, str]:
    """Return the config and the checkpoint of the deployed form of a run.

    A net without blocks is deployed as it is.

    Args:
        config: The path of the config of the run.
        folder: The work dir of its training.
    """
    out = f'{folder}.{DEPLOYED}'
    if osp.exists(f'{out}.pth'):
        return f'{out}.py', f'{out}.pth'
    return config, checkpoint_of(folder) or ''


def deployed_net(config: str, checkpoint: str) -> nn.Module:
    """Return a deployed net with the norms of its convolutions folded.

    Args:
        config: The path of its config.
        checkpoint: The path of its checkpoint.

    Raises:
        UserError: The checkpoint cannot be read, or does not fit.
    """
    weights = read_weights(checkpoint).state_dict
    model = build_model(load_config(config))
    return fuse_conv_bn(load_in_eval(model, weights))
