"""Served by onnxruntime, a net gives its host's results."""
import pytest
import torch

from mmrep.cli import build_model, load_config
from mmrep.cli.evaluating import loader_of
from mmrep.errors import UserError
from mmrep.export.onnx_export import to_onnx
from mmrep.export.onnx_parts import Part
from mmrep.inference.int8_evaluate import evaluate
from mmrep.inference.onnx_file import OnnxFile
from mmrep.inference.served import check_served, served
from mmrep.inference.served_net import Net, open_net
from mmrep.testing import randomize_norms

from ..refusals import sentence

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

LOADER = 'val_dataloader'


def config_of(name, request):
    cfg = load_config(request.getfixturevalue(name))
    cfg.model.backbone.type = 'ResNet'
    return cfg


def model_of(cfg):
    torch.manual_seed(0)
    return randomize_norms(build_model(cfg)).eval()


def net_giving(*outputs, names=('logits', ), kind='segmentor'):
    """A file that gives the same for all images."""
    file = OnnxFile('input', False, (None, ) * 4, names, kind)
    return Net(file, lambda _: [each.numpy() for each in outputs])


@pytest.mark.parametrize('name, metric, size', [
    ('tiny_seg', 'mIoU', (32, 64)),
    ('tiny_cls', 'accuracy/top1', (32, 32)),
])
@torch.no_grad()
def test_scores(name, metric, size, request):
    cfg = config_of(name, request)
    model, loader = model_of(cfg), loader_of(cfg, LOADER)

    def file_of(model):
        return open_net(
            to_onnx(Part(model, 'whole'), (2, 3, *size), ('batch', )))

    net, expected = file_of(model), evaluate(cfg, model, loader)
    found = evaluate(cfg, served(model, net), loader)
    assert metric in found and found == pytest.approx(expected)

    # the file answers, and the net is unchanged
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert evaluate(cfg, served(model, net), loader) == pytest.approx(found)
    assert evaluate(cfg, model, loader) == pytest.approx(
        evaluate(cfg, served(model, file_of(model)), loader))


def test_detector(request):
    """Boxes are those of mmdet, in pixels of the original images."""
    cfg = config_of('tiny_det', request)
    cfg[LOADER].dataset.pipeline[2].update(scale=(96, 64), keep_ratio=False)
    model = model_of(cfg)
    torch.nn.init.zeros_(model.bbox_head.retina_cls.bias)  # boxes at all
    data = to_onnx(Part(model, 'whole'), (2, 3, 64, 96), ('batch', ))
    twin, count = served(model, open_net(data)), 0
    for batch in loader_of(cfg, LOADER):
        with torch.no_grad():
            expected, found = model.test_step(batch), twin.test_step(batch)
        for a, b in zip(expected, found):
            assert b.metainfo['scale_factor'] == (1.5, 2.)
            a, b = a.pred_instances, b.pred_instances
            assert len(a) == len(b) > 0
            for key, tolerance in (('bboxes', 1e-3), ('scores', 1e-4)):
                torch.testing.assert_close(
                    b[key], a[key], rtol=0, atol=tolerance)
            assert a.labels.equal(b.labels)
            count += len(a)
    assert count > 10


@pytest.mark.parametrize('classes, channels', [(19, 19), (2, 1)])
def test_labels_in_place_of_logits(classes, channels, request):
    """A file of labels gives the label maps of mmseg.

    With one channel the sigmoid decides, whatever mmseg's threshold is.
    """
    cfg = config_of('tiny_seg', request)
    cfg.model.decode_head.update(
        num_classes=classes, out_channels=channels, threshold=0.9)
    labels = torch.randint(0, classes, (2, 32, 64))
    twin = served(model_of(cfg), net_giving(labels, names=('labels', )))
    batch = next(iter(loader_of(cfg, LOADER)))
    for sample, expected in zip(twin.test_step(batch), labels):
        assert sample.pred_sem_seg.data[0].equal(expected)


def test_refused(request):
    """A file of another kind, or of other classes, is refused."""
    seg, cls, det = (
        config_of(f'tiny_{name}', request) for name in ('seg', 'cls', 'det'))
    maps = net_giving(torch.zeros(2, 5, 32, 64))
    for cfg in (cls, det):
        assert 'name the config' in sentence(served, model_of(cfg), maps)
    scores = net_giving(torch.zeros(2, 5), kind='classifier')
    labels = net_giving(torch.full((2, 32, 64), 19), names=('labels', ))
    for cfg, net in ((seg, maps), (cls, scores), (seg, labels)):
        assert 'classes and the model' in sentence(evaluate, cfg,
                                                   served(model_of(cfg), net),
                                                   loader_of(cfg, LOADER))
    cls.model.head = None
    assert 'a classifier' in sentence(served, model_of(cls), scores)


def test_labels_of_crops(request):
    """Labels cannot be averaged over crops, as logits are."""
    cfg = config_of('tiny_seg', request)
    cfg.model.test_cfg = dict(
        mode='slide', crop_size=(32, 32), stride=(16, 16))
    model = model_of(cfg)
    labels = net_giving(torch.zeros(2, 32, 32), names=('labels', ))
    assert "`mode` (='slide')" in sentence(served, model, labels)
    assert served(model, net_giving(torch.zeros(2, 19, 32, 32)))


def test_other_sizes(request):
    """A file for one size refuses an image of another in one sentence."""
    cfg = config_of('tiny_seg', request)
    model = model_of(cfg)
    net = open_net(to_onnx(Part(model, 'whole'), (2, 3, 32, 32), ('batch', )))
    with pytest.raises(UserError, match='x 32 x 32 only .* x 32 x 64: make'):
        evaluate(cfg, served(model, net), loader_of(cfg, LOADER))
    check_served(model, net, [torch.zeros(1, 3, 32, 32)])
    with pytest.raises(UserError, match='x 32 x 32 only'):
        check_served(model, net, [torch.zeros(1, 3, 32, 64)])


def test_several_outputs(tiny_cls):
    """A net with several outputs cannot be served."""
    cfg = load_config(tiny_cls)
    cfg.model.backbone.type = 'ResNet'
    head = dict(type='LinearClsHead', num_classes=2)
    cfg.model.head = dict(
        type='MultiTaskHead', in_channels=64, task_heads=dict(a=head, b=head))
    data = to_onnx(Part(build_model(cfg).eval(), 'whole'), (1, 3, 32, 32))
    with pytest.raises(UserError, match='those of no whole net'):
        open_net(data)
