"""Fuse a trained detector, segmentor or classifier to a plain one.

Writes OUT, a checkpoint that stock hosts load, and beside it the config that
goes with it, after comparing the fused net with the training form.
"""
import argparse
import os
import os.path as osp
import sys

import torch
from mmengine.logging import print_log
from mmengine.model import revert_sync_batchnorm

import mmrep
from mmrep.checkpoints import read_checkpoint
from mmrep.cli import (UserError, build_model, check_checkpoint_matches,
                       load_config, report_errors)
from mmrep.deploy import (absorb_biases, example_input, plain_config,
                          worst_difference)
from mmrep.fuse import rep_layers

TOLERANCE = 1e-4  # relative, of features and dense heads


def parse_args(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the net in training form')
    parser.add_argument('checkpoint', help='its trained checkpoint')
    parser.add_argument('out', help='fused checkpoint to write, *.pth')
    parser.add_argument(
        '--ema',
        action=argparse.BooleanOptionalAction,
        help='take the averaged weights of a file written with EMAHook, or '
        'the raw ones; default: its state_dict, the averaged ones')
    parser.add_argument(
        '--image', help='image to compare on; default: a random input')
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='read pickled objects of the checkpoint, which can run code')
    return parser.parse_args(argv)


def choose_weights(checkpoint, ema):
    """EMAHook saves the averaged weights as state_dict, the raw as EMA."""
    other = checkpoint.get('ema_state_dict')
    if ema is not None and other is None:
        raise UserError('the checkpoint holds no EMA weights: leave out '
                        f"--{'ema' if ema else 'no-ema'}")
    if ema is not False:
        return checkpoint['state_dict']
    prefix = 'module.'
    return {
        name[len(prefix):]: tensor
        for name, tensor in other.items() if name.startswith(prefix)
    }


def check_paths(checkpoint, out):
    folder = osp.dirname(osp.abspath(out))
    if not out.endswith('.pth'):
        raise UserError(f'OUT (={out!r}) must end in .pth')
    if not osp.isdir(folder):
        raise UserError(f'the folder of OUT is not there: {folder!r}')
    if osp.realpath(checkpoint) == osp.realpath(out):
        raise UserError(f'OUT is the checkpoint itself ({out!r}): name '
                        'another file')


def check_rich(model, weights, checkpoint, path):
    """Refuse what has nothing to fuse."""
    rich = {id(layer) for layer in rep_layers(model)}
    names = [n for n, m in model.named_modules() if id(m) in rich]
    plain = {f'{name}.{leaf}' for name in names for leaf in ('weight', 'bias')}
    inside = [
        key for key in weights if any(
            key.startswith(name + '.') for name in names)
    ]
    if 'mmrep_fused' in checkpoint.get(
            'meta', {}) or (inside and plain.issuperset(inside)):
        raise UserError(f'{path!r} is fused already: all its convolutions '
                        'are plain')
    if not rich:
        raise UserError('nothing to fuse: the model of this config has no '
                        're-parameterized layer')


def build_plain(cfg, fused):
    """The net of the written config, with the fused weights."""
    plain = build_model(cfg)
    check_checkpoint_matches(plain, fused.state_dict())
    return plain.eval()


def write(out, checkpoint, cfg):
    """Write both files, or none."""
    config = osp.splitext(out)[0] + '.py'
    parts = {out: out + '.part', config: config + '.part.py'}
    try:
        torch.save(checkpoint, parts[out])
        cfg.dump(parts[config])
        for path, part in parts.items():
            os.replace(part, path)
    finally:
        for part in parts.values():
            if osp.exists(part):
                os.remove(part)
    return config


@report_errors
def main(argv=None):
    args = parse_args(argv)
    cfg = load_config(args.config)
    check_paths(args.checkpoint, args.out)
    checkpoint = read_checkpoint(args.checkpoint, args.trust_checkpoint)
    weights = choose_weights(checkpoint, args.ema)
    x = example_input(args.image)

    rich = build_model(cfg)
    check_rich(rich, weights, checkpoint, args.checkpoint)
    check_checkpoint_matches(rich, weights)
    rich = revert_sync_batchnorm(rich).eval()
    fused = absorb_biases(mmrep.fuse(rich), rich)
    plain_cfg = plain_config(cfg)
    plain = revert_sync_batchnorm(build_plain(plain_cfg, fused))

    worst = worst_difference(rich, plain, x)
    if worst > TOLERANCE:
        raise UserError(f'not written: fused and training form differ by '
                        f'{worst:.1e} relative, more than {TOLERANCE:.0e}')
    meta = {**checkpoint.get('meta', {}), 'mmrep_fused': mmrep.__version__}
    meta['cfg'] = plain_cfg.pretty_text
    config = write(args.out, dict(meta=meta, state_dict=fused.state_dict()),
                   plain_cfg)
    count = sum(1 for _ in rep_layers(rich))
    print_log(
        f'fused {count} layers, worst relative difference {worst:.1e}: wrote '
        f'{args.out} and {config}', 'current')


if __name__ == '__main__':
    main(sys.argv[1:])
