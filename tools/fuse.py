"""Fuse a trained detector, segmentor or classifier to a plain one.

Writes OUT, a checkpoint that stock hosts load, and beside it the config that
goes with it, after comparing the fused net with the training form.
"""
import argparse
import sys

from mmengine.logging import print_log
from mmengine.model import revert_sync_batchnorm

import mmrep
from mmrep.checkpoints import read_checkpoint
from mmrep.cli import (UserError, add_checkpoint_arguments, build_model,
                       check_checkpoint_matches, choose_weights, load_config,
                       report_errors)
from mmrep.cli.working import working
from mmrep.custom_imports import needs
from mmrep.deploy import (check_paths, example_input, plain_config,
                          worst_difference, write_fused)
from mmrep.fusing.examples import image_channels
from mmrep.nets.walk import rep_layers
from mmrep.structures.enrich import enrich

TOLERANCE = 1e-4  # relative, of features and dense heads


def parse_args(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the net in training form')
    parser.add_argument('checkpoint', help='its trained checkpoint')
    parser.add_argument('out', help='fused checkpoint to write, *.pth')
    add_checkpoint_arguments(parser)
    parser.add_argument(
        '--image', help='image to compare on; default: a random input')
    return parser.parse_args(argv)


def check_rich(model, weights, meta, path):
    """Refuse what has nothing to fuse."""
    rich = {id(layer) for layer in rep_layers(model)}
    names = [n for n, m in model.named_modules() if id(m) in rich]
    plain = {f'{name}.{leaf}' for name in names for leaf in ('weight', 'bias')}
    inside = [
        key for key in weights if any(
            key.startswith(name + '.') for name in names)
    ]
    if 'mmrep_fused' in meta or (inside and plain.issuperset(inside)):
        raise UserError(f'{path!r} is fused already: all its convolutions '
                        'are plain')
    if not rich:
        raise UserError('nothing to fuse: the model of this config has no '
                        're-parameterized layer')


def build_plain(cfg, fused):
    """The net of the written config, with the fused weights."""
    plain = build_model(cfg)
    places = plain.state_dict()
    for name in fused.state_dict():
        if name.endswith('.bias') and name not in places:
            raise UserError(f"cannot fuse {name[:-len('.bias')]!r}: it needs "
                            'a bias, which the stock layer has not, and no '
                            'batch norm directly behind it can take it: give '
                            'the layer a bias, or leave it plain')
    for layer in rep_layers(plain):
        raise UserError('cannot fuse this config: its plain form still has a '
                        f'{type(layer).__name__}')
    check_checkpoint_matches(plain, fused.state_dict())
    return revert_sync_batchnorm(plain).eval()


@report_errors
def main(argv=None):
    args = parse_args(argv)
    cfg = load_config(args.config)
    check_paths(args.config, args.checkpoint, args.out)
    with working('reading the checkpoint') as status:
        checkpoint = read_checkpoint(args.checkpoint, args.trust_checkpoint)
        weights = choose_weights(checkpoint, args.ema)
        rich = build_model(cfg)
        meta = checkpoint.get('meta') or {}
        x = example_input(args.image, image_channels(rich))
        enrich(rich, weights)
        check_rich(rich, weights, meta, args.checkpoint)
        check_checkpoint_matches(rich, weights)
        del checkpoint, weights  # as large as the rich net
        status.update('fusing')
        rich = revert_sync_batchnorm(rich).eval()
        fused = mmrep.fuse(rich)
        plain_cfg = plain_config(cfg)
        plain = build_plain(plain_cfg, fused)
        status.update('comparing both forms')
        worst = worst_difference(rich, plain, x)

    if worst > TOLERANCE:
        raise UserError(f'not written: fused and training form differ by '
                        f'{worst:.1e} relative, more than {TOLERANCE:.0e}')
    meta = {
        **meta, 'mmrep_fused': mmrep.__version__,
        'cfg': plain_cfg.pretty_text
    }
    config = write_fused(args.out,
                         dict(meta=meta, state_dict=fused.state_dict()),
                         plain_cfg)
    count = sum(1 for _ in rep_layers(rich))
    print_log(
        f'fused {count} layers, worst relative difference {worst:.1e}: wrote '
        f'{args.out} and {config}, which needs {needs(plain_cfg)}', 'current')


if __name__ == '__main__':
    main(sys.argv[1:])
