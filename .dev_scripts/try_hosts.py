"""Try mmrep in a host that `make test` does not have; see docs/hosts.md.

Usage: PYTHONPATH=. .venv/bin/python .dev_scripts/try_hosts.py HOST

The script builds a stock net of the host with blocks in it, takes a training
step with the host's own loss on random data, fuses the net, compares the
features of both forms, and runs the tools on the config. The host must be
importable.
"""
import argparse
import copy
import importlib
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import mmcv
import mmdet
import numpy as np
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData, PixelData

import mmrep
from mmrep.cli import build_model, load_config
from mmrep.deploy import relative_difference
from mmrep.nets.walk import branch_by_branch, rep_layers, tensors
from mmrep.testing import randomize_norms

ROOT = Path(__file__).parents[1]
DBB = dict(type='DBBConv2d')
BOXES = torch.tensor([[10., 10, 60, 60], [40, 30, 100, 90]])
LABELS = torch.tensor([0, 1])
META = dict(
    img_shape=(128, 128),
    ori_shape=(128, 128),
    pad_shape=(128, 128),
    batch_input_shape=(128, 128),
    scale_factor=(1., 1.))


def images(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8)


def pose_batch():
    from mmpose.structures import PoseDataSample
    sample = PoseDataSample(
        metainfo=dict(input_size=(192, 256), flip_indices=list(range(17))))
    sample.gt_fields = PixelData(heatmaps=torch.rand(17, 64, 48))
    sample.gt_instance_labels = InstanceData(
        keypoint_weights=torch.ones(1, 17))
    return dict(inputs=list(images(2, 3, 256, 192)), data_samples=[sample] * 2)


def yolo_batch():
    labels = torch.cat([torch.zeros(2, 1), LABELS[:, None], BOXES], 1)
    return dict(
        inputs=images(2, 3, 128, 128),
        data_samples=dict(bboxes_labels=labels, img_metas=[META] * 2))


def rotate_batch():
    from mmdet.structures import DetDataSample
    from mmrotate.structures import RotatedBoxes
    sample = DetDataSample(metainfo=META)
    boxes = torch.tensor([[40., 40, 30, 20, 0.3], [70, 60, 40, 40, -0.5]])
    sample.gt_instances = InstanceData(
        bboxes=RotatedBoxes(boxes), labels=LABELS)
    sample.ignored_instances = InstanceData(bboxes=RotatedBoxes(boxes[:0]))
    return dict(inputs=list(images(2, 3, 128, 128)), data_samples=[sample] * 2)


def points_batch():
    from mmdet3d.structures import Det3DDataSample, LiDARInstance3DBoxes
    sample = Det3DDataSample(metainfo=dict(box_type_3d=LiDARInstance3DBoxes))
    boxes = torch.tensor([[20., 0, -1, 4, 1.6, 1.5, 0.3]])
    sample.gt_instances_3d = InstanceData(
        bboxes_3d=LiDARInstance3DBoxes(boxes), labels_3d=LABELS[:1])
    low, high = torch.tensor([[0, -39., -3, 0], [69, 39., 1, 1]])
    points = [low + torch.rand(2000, 4) * (high - low) for _ in range(2)]
    return dict(inputs=dict(points=points), data_samples=[sample] * 2)


def action_batch():
    from mmaction.structures import ActionDataSample
    sample = ActionDataSample()
    sample.gt_label = torch.tensor([1])
    return dict(
        inputs=list(images(2, 3, 3, 64, 64)), data_samples=[sample] * 2)


def text_batch():
    from mmocr.structures import TextDetDataSample
    sample = TextDetDataSample(metainfo=META)
    polygons = [np.float32([10, 10, 60, 10, 60, 60, 10, 60])]
    sample.gt_instances = InstanceData(
        polygons=polygons, ignored=torch.tensor([False]))
    return dict(inputs=list(images(2, 3, 128, 128)), data_samples=[sample] * 2)


# by module: a stock config, changes that give its backbone blocks, a batch
HOSTS = {
    'mmpose': ('body_2d_keypoint/topdown_heatmap/coco/'
               'td-hm_res50_8xb64-210e_coco-256x192.py',
               dict(type='OREPAResNet'), pose_batch),
    'mmyolo':
    ('yolov5/yolov5_s-v61_syncbn_fast_8xb16-300e_coco.py', None, yolo_batch),
    'mmrotate':
    ('rotated_retinanet/rotated-retinanet-rbox-le90_r50_fpn_1x_dota.py',
     dict(type='OREPAResNet'), rotate_batch),
    'mmdet3d': ('pointpillars/pointpillars_hv_secfpn_8xb6-160e_kitti-3d-'
                '3class.py', dict(conv_cfg=DBB), points_batch),
    'mmaction':
    ('recognition/tsn/tsn_imagenet-pretrained-r50_8xb32-1x1x3-100e_'
     'kinetics400-rgb.py', dict(conv_cfg=DBB), action_batch),
    'mmocr': ('textdet/dbnet/dbnet_resnet18_fpnc_1200e_icdar2015.py',
              dict(type='OREPAResNet'), text_batch),
}


def import_host(name, aside):
    """Import a host, which sees the versions of ``aside`` meanwhile."""
    packages = dict(mmcv=mmcv, mmdet=mmdet)
    true = {key: packages[key].__version__ for key in aside}
    for key, version in aside.items():
        packages[key].__version__ = version
    try:
        host = importlib.import_module(name)
    finally:
        for key, version in true.items():
            packages[key].__version__ = version
    importlib.import_module(f'{name}.models')
    return host


def rich_config(name, path, change, folder):
    """Write a stock config whose backbone has blocks; return its path."""
    cfg = load_config(path)
    backbone = cfg.model.backbone
    backbone.update(init_cfg=None)
    backbone.pop('pretrained', None)
    if change is None:
        cfg.model.backbone = dict(
            type='Reparameterized', model=backbone, conv=DBB, kernel_size=3)
    else:
        backbone.update(change)
    out = folder / f'rich_{name}.py'
    cfg.dump(out)
    return str(out)


def try_net(cfg, make_batch):
    """Train a net for one step, fuse it, compare both; return the net."""
    torch.manual_seed(0)
    init_default_scope(cfg.default_scope)
    model = build_model(cfg).train()
    count = len(list(rep_layers(model)))
    optim = build_optim_wrapper(
        model,
        dict(
            type='OptimWrapper',
            optimizer=dict(type='SGD', lr=1e-3),
            clip_grad=dict(max_norm=1)))
    before = [p.detach().clone() for p in model.parameters()]
    losses = model.train_step(make_batch(), optim)
    moved = sum(not torch.equal(a, b)
                for a, b in zip(before, model.parameters()))
    print(f'{count} rich layers; {moved} of {len(before)} parameters moved; '
          f"loss {float(losses['loss']):.4g}")
    randomize_norms(model)
    model.eval()
    plain = mmrep.fuse(model)
    batch = make_batch()
    if isinstance(batch['data_samples'], dict):  # a form for training alone
        batch['data_samples'] = None
    inputs = model.data_preprocessor(batch, False)['inputs']

    def features(net):  # some nets change their inputs
        with torch.no_grad():
            return list(tensors(net.extract_feat(copy.deepcopy(inputs))))

    with branch_by_branch(model):
        reference = features(model)
    worst = max(map(relative_difference, reference, features(plain)))
    print(f'rich layers after fusing: {len(list(rep_layers(plain)))}; '
          f'worst relative difference of {len(reference)} features: '
          f'{worst:.1e}')
    return model


def try_tools(name, config, checkpoint, folder, aside):
    """Run the tools in processes of their own and print how each ends."""
    start = ('import runpy, sys; sys.path.insert(0, sys.argv[1]); '
             'from try_hosts import import_host; '
             f'import_host({name!r}, {aside!r}); '
             'sys.argv = sys.argv[2:]; '
             "runpy.run_path(sys.argv[0], run_name='__main__')")
    fused = folder / 'fused.pth'
    small = ('--size', '128', '128', '--rounds', '1')
    for command in (('fuse.py', config, checkpoint,
                     fused), ('benchmark.py', config, '--backbone', *small),
                    ('benchmark.py', config, '--inference',
                     *small), ('benchmark.py', config, *small),
                    ('train.py', config, '--work-dir', folder / 'run')):
        tool = ROOT / 'tools' / command[0]
        script = [start, Path(__file__).parent, tool, *command[1:]]
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c'] +
            [str(part) for part in script],
            cwd=folder,
            capture_output=True,
            text=True)
        told = (done.stderr if done.returncode else done.stdout).split('\n')
        shown = ' '.join(
            str(part) for part in command[2:] if str(part)[:1] == '-')
        print(f'tools/{command[0]} {shown}: exit {done.returncode}: '
              f"{([line for line in told if line.strip()] or [''])[-1]}")


def main():
    """Try the stock net of a host with blocks, by config and by wrapper."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('host', choices=HOSTS, help='module of the host')
    parser.add_argument(
        '--set-aside',
        nargs='+',
        default=[],
        metavar='PACKAGE=VERSION',
        help='versions of mmcv and mmdet that the host sees when it checks '
        'them, in place of the true ones; default: none')
    parser.add_argument(
        '--configs',
        help="folder of the host's configs; default: the one that mim reads")
    args = parser.parse_args()
    warnings.simplefilter('ignore')
    aside = dict(pair.split('=') for pair in args.set_aside)
    host = import_host(args.host, aside)
    print(f'{args.host} {host.__version__}')
    path, change, make_batch = HOSTS[args.host]
    configs = args.configs or Path(host.__file__).parent / '.mim/configs'
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for label, changed in (('by config', change), ('reparameterized',
                                                       None)):
            if label == 'by config' and change is None:
                continue
            config = rich_config(args.host, str(Path(configs) / path), changed,
                                 folder)
            print(f'{label}: {path}')
            model = try_net(Config.fromfile(config), make_batch)
            torch.save(dict(state_dict=model.state_dict()), folder / 'a.pth')
            if changed is change:  # the tools need one form
                try_tools(args.host, config, folder / 'a.pth', folder, aside)


if __name__ == '__main__':
    main()
