"""Pictures are drawn from real predictions of both kinds."""
import cv2
import pytest
from mmengine.config import Config

from mmrep.cli import build_model, load_config
from mmrep.pictures.predictions import draw_predictions, predict


@pytest.mark.parametrize('kind', ['seg', 'det'])
def test_draw(kind, request, tmp_path):
    cfg = load_config(request.getfixturevalue(f'tiny_{kind}'))
    if kind == 'det':
        cfg.test_dataloader.dataset.pipeline[-1] = dict(
            type='PackDetInputs',
            meta_keys=('img_id', 'ori_shape', 'img_shape', 'scale_factor'))
    before = Config(cfg._cfg_dict.to_dict())
    images, samples, metainfo = predict(build_model(cfg), cfg, 2)
    assert len(images) == len(samples) == 2
    assert images[0].shape == (32, 64, 3)
    metainfo = dict(metainfo, palette=[(i, 0, 0) for i in range(19)])
    path = tmp_path / 'picture.png'
    draw_predictions(images, samples, metainfo, 'title', str(path))
    assert cv2.imread(str(path)).std() > 10
    assert cfg.pretty_text == before.pretty_text


def test_truth_and_prediction_are_drawn_apart(tiny_seg, tmp_path):
    cfg = load_config(tiny_seg)
    images, samples, metainfo = predict(build_model(cfg), cfg, 1)
    pictures = []
    for name in ('one.png', 'two.png'):
        path = str(tmp_path / name)
        draw_predictions(images, samples, metainfo, 'title', path)
        pictures.append(cv2.imread(path))
        samples[0].pred_sem_seg.data = samples[0].gt_sem_seg.data.clone()
    height = pictures[0].shape[0] // 3
    changed = (pictures[0] != pictures[1]).any((1, 2))
    assert changed[2 * height:].any() and not changed[:height].any()
