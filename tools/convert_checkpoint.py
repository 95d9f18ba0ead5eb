"""Convert an official checkpoint to the names of OpenMMLab and mmrep.

The tool knows the training-time and deployed forms of OREPA (ResNet, ResNeXt,
WideResNet, RepVGG), DBB and ACB (ResNet, MobileNet), DyRep, RepVGG (also
mmpretrain's) and RepVGGplus.
Use DST in `init_cfg=dict(type='Pretrained', checkpoint=DST)` of a backbone or
as `load_from` of a classifier.
"""
import argparse
import sys
from functools import partial

import torch
from mmengine.logging import print_log

import mmrep
from mmrep.atomic import check_destination, write_together
from mmrep.checkpoints.complete import check_complete
from mmrep.checkpoints.official import TARGETS, convert
from mmrep.checkpoints.safe_load import read_file
from mmrep.checkpoints.wrappers import (split_classifier, unwrap,
                                        without_prefixes)
from mmrep.cli import add_trust_argument, report_errors


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('src', help='official checkpoint')
    parser.add_argument('dst', help='checkpoint to write')
    parser.add_argument(
        '--target',
        choices=TARGETS,
        default='backbone',
        help='model that loads DST: a backbone, or a whole mmpretrain '
        'ImageClassifier; default: backbone, without the classifier')
    parser.add_argument(
        '--norm-behind',
        action='store_true',
        help='put a norm behind DBB and ACB blocks, which official nets do '
        'not have, for nets built with norm_behind=True, their default')
    parser.add_argument(
        '--ema',
        action='store_true',
        help='take the averaged weights of a file that also has raw ones')
    add_trust_argument(parser, 'SRC')
    return parser.parse_args(argv)


@report_errors
def main(argv=None):
    """Read, convert and check the weights, then write them."""
    args = parse_args(argv)
    check_destination(args.dst, [args.src], 'DST', 'converted')
    weights = unwrap(read_file(args.src, args.trust_checkpoint), args.ema)
    state_dict = convert(weights, args.target, args.norm_behind)
    for part in split_classifier(without_prefixes(state_dict)):
        check_complete(part)
    meta = dict(mmrep_converted=mmrep.__version__)
    checkpoint = dict(meta=meta, state_dict=state_dict)
    write_together({args.dst: partial(torch.save, checkpoint)})
    print_log(
        f'converted {len(weights)} weights: wrote {args.dst}, '
        f'{len(state_dict)} weights of a {args.target}', 'current')


if __name__ == '__main__':
    main(sys.argv[1:])
