"""Export a fused detector, segmentor or classifier to ONNX, and check it.

CONFIG and FUSED are the files that tools/fuse.py wrote, or the config and the
checkpoint of the training form, which is fused first. OUT is written only if
onnxruntime computes the same as torch, also at other sizes than the traced one
if the graph allows them. A detector's boxes are compared with those that mmdet
predicts, on images of the validation set and on random ones. The input of the
file is a batch of preprocessed images, or of images as OpenCV decodes them
with --with-preprocessing.
"""
import argparse
import sys
from pathlib import Path

from mmengine.logging import print_log

from mmrep.atomic import check_destination, write_together
from mmrep.cli import UserError, add_checkpoint_arguments, report_errors
from mmrep.cli.calibration import validation_images
from mmrep.cli.numbers import check_at_least_one
from mmrep.cli.working import working
from mmrep.export.host_outputs import decoded
from mmrep.export.input_kinds import IMAGES
from mmrep.export.nets import comparison_of, exportable, load_nets
from mmrep.export.onnx_export import count_nodes, export, to_onnx
from mmrep.export.onnx_parts import PARTS
from mmrep.export.onnx_pool import with_matrix_pools
from mmrep.export.onnx_session import need
from mmrep.fusing.examples import image_channels
from mmrep.nets.walk import branch_by_branch


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config, fused or of the training form')
    parser.add_argument('fused', help='its checkpoint')
    parser.add_argument('out', help='file to write, *.onnx')
    parser.add_argument(
        '--part',
        choices=PARTS,
        default='whole',
        help='part to export; default: whole, up to the boxes or logits')
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        default=(224, 224),
        metavar=('H', 'W'),
        help='height and width of the example in pixels, which are those of '
        'all inputs if the graph has fixed sizes; default: 224 224')
    parser.add_argument(
        '--with-preprocessing',
        action='store_true',
        help='take uint8 images of (N, H, W, 3) in the order BGR, and do what '
        'the data_preprocessor of CONFIG does')
    parser.add_argument(
        '--labels',
        action='store_true',
        help='give the label of each pixel instead of logits (segmentors)')
    parser.add_argument(
        '--training-config',
        help='config of the training form of a fused net, to compare with it '
        'and to count its nodes')
    parser.add_argument(
        '--images',
        type=int,
        default=8,
        help='number of images of the validation set to compare boxes on; '
        'default: 8')
    add_checkpoint_arguments(parser)
    return parser.parse_args(argv)


def check(args):
    """Refuse arguments that cannot be exported or written."""
    need()
    check_at_least_one(size=min(args.size), images=args.images)
    if not args.out.endswith('.onnx'):
        raise UserError(f'OUT (={args.out!r}) must end in .onnx')
    inputs = (args.config, args.fused, args.training_config or args.config)
    check_destination(args.out, inputs, 'OUT', 'exported')


def nodes_of(data):
    """Return the numbers of all nodes and of convolutions as a text."""
    counts = count_nodes(data)
    return f"{sum(counts.values())} nodes, {counts['Conv']} Conv"


def nodes_before(nets, part, shape, free):
    """Return the same for the training form, exported branch by branch."""
    if nets.rich is None:
        return ''
    try:
        rich = part.of(with_matrix_pools(nets.rich))
        with branch_by_branch(rich):
            return f' (training form {nodes_of(to_onnx(rich, shape, free))})'
    except UserError as error:
        return f' (training form not counted: {error})'


def images_for(nets, part, count):
    """Return images of the validation set if boxes are to be compared."""
    if not part.makes_boxes:
        return []
    prepare = nets.plain.data_preprocessor
    if part.takes is IMAGES:
        prepare = decoded
    images = validation_images(nets.cfg, prepare, count)
    if not images:
        print_log(
            'no dataset of `val_dataloader` is here: boxes are compared on '
            'random images', 'current')
    return images


def report(args, exported, before):
    """Log the file that was written, and how it was checked."""
    shapes = ', '.join(map(str, exported.traced.shapes))
    print_log(
        f'wrote {args.out}: {args.part}, {nodes_of(exported.data)}{before}; '
        f'onnxruntime and torch: {exported.agreement.text}, on inputs of '
        f'{shapes}; axes of any size: {exported.traced.axes()}', 'current')


def exported_by(args, progress):
    """Return the exported net, and the nodes of its training form in words."""
    nets = load_nets(args.config, args.fused, args.training_config, args.ema,
                     args.trust_checkpoint)
    part = exportable(
        nets,
        args.part,
        labels=args.labels,
        preprocess=args.with_preprocessing)
    progress('reading images')
    images = images_for(nets, part, args.images)
    shape = part.takes.shape(2, image_channels(nets.plain), *args.size)
    progress('exporting and comparing with torch')
    exported = export(part, comparison_of(nets, part, images), shape)
    progress('counting the nodes of the training form')
    return exported, nodes_before(nets, part, shape, exported.traced.free)


@report_errors
def main(argv=None):
    """Load, fuse, export, compare and write a net, then log the result."""
    args = parse_args(argv)
    check(args)
    with working('reading the checkpoint') as status:
        exported, before = exported_by(args, status.update)
    write_together(
        {args.out: lambda path: Path(path).write_bytes(exported.data)})
    report(args, exported, before)


if __name__ == '__main__':
    main(sys.argv[1:])
