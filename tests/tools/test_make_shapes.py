import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.mask import area, toBbox

ROOT = Path(__file__).parents[2]
SPLITS = dict(train=3, val=2)


def make_shapes(out, *flags):
    flags = [str(flag) for flag in flags]
    return subprocess.run(
        [sys.executable, ROOT / 'tools/make_shapes.py', out, *flags],
        capture_output=True,
        text=True)


def tiny(out, seed=0):
    done = make_shapes(out, '--num-train', 3, '--num-val', 2, '--size', 64,
                       '--seed', seed)
    assert done.returncode == 0, done.stderr
    return out


def digests(folder):
    files = [path for path in folder.rglob('*') if path.is_file()]
    return {
        str(path.relative_to(folder)):
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def images_of(files):
    """Return the names that depend on the number of images alone."""
    return {name for name in files if not name.startswith('classes')}


def label_map(root, split, index):
    name = f'gtFine/{split}/city/city_{index:06d}_gtFine_labelTrainIds.png'
    return cv2.imread(str(root / 'cityscapes' / name), cv2.IMREAD_UNCHANGED)


def splits_with_coco(root):
    for split in SPLITS:
        file = root / f'coco/annotations/instances_{split}.json'
        yield split, COCO(str(file))


@pytest.fixture(scope='module')
def shapes(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp('data') / 'shapes')


def test_same_seed_gives_the_same_bytes(shapes, tmp_path):
    assert digests(tiny(tmp_path / 'again')) == digests(shapes)


def test_another_seed_gives_other_images_and_labels(shapes, tmp_path):
    first, second = digests(shapes), digests(tiny(tmp_path / 'other', seed=1))
    assert images_of(first) == images_of(second)
    assert not [
        name for name in images_of(first) if first[name] == second[name]
    ]


def test_every_image_is_another_one(shapes):
    images = [
        value for name, value in digests(shapes / 'coco').items()
        if name.endswith('.png')
    ]
    assert len(set(images)) == len(images) == sum(SPLITS.values())


def test_both_layouts_hold_the_same_images(shapes):
    for split, count in SPLITS.items():
        for i in range(count):
            city = f'leftImg8bit/{split}/city/city_{i:06d}_leftImg8bit.png'
            coco = shapes / f'coco/{split}/{i:06d}.png'
            assert coco.read_bytes() == (shapes / 'cityscapes' /
                                         city).read_bytes()
            assert cv2.imread(str(coco)).shape == (64, 64, 3)


def test_coco_lists_every_image_and_class(shapes):
    for split, coco in splits_with_coco(shapes):
        images = coco.loadImgs(coco.getImgIds())
        on_disk = {path.name for path in (shapes / 'coco' / split).iterdir()}
        assert {image['file_name'] for image in images} == on_disk
        assert len(images) == SPLITS[split]
        names = [cat['name'] for cat in coco.loadCats(coco.getCatIds())]
        assert names == ['circle', 'square', 'triangle', 'star']
        assert all(coco.getAnnIds(image['id']) for image in images)


def test_coco_masks_add_up_to_the_label_map(shapes):
    for split, coco in splits_with_coco(shapes):
        for image_id in coco.getImgIds():
            drawn = np.zeros((64, 64), int)
            covered = np.zeros((64, 64), int)
            for ann in coco.loadAnns(coco.getAnnIds(image_id)):
                mask = coco.annToMask(ann)
                drawn += mask * ann['category_id']
                covered += mask
            assert covered.max() == 1, 'visible masks must not overlap'
            labels = label_map(shapes, split, image_id)
            np.testing.assert_array_equal(drawn, labels)


def test_boxes_and_areas_are_those_of_the_masks(shapes):
    for _, coco in splits_with_coco(shapes):
        for ann in coco.loadAnns(coco.getAnnIds()):
            rle = coco.annToRLE(ann)
            assert ann['bbox'] == toBbox(rle).tolist()
            assert ann['area'] == area(rle) > 0
            assert ann['iscrowd'] == 0


def neighbours(one, other):
    return (cv2.dilate(one, np.ones((3, 3), np.uint8)) & other).any()


def test_shapes_hide_parts_of_each_other(shapes):
    touching = 0
    for _, coco in splits_with_coco(shapes):
        for image_id in coco.getImgIds():
            anns = coco.loadAnns(coco.getAnnIds(image_id))
            masks = [coco.annToMask(ann) for ann in anns]
            touching += sum(
                neighbours(mask, later) for i, mask in enumerate(masks)
                for later in masks[i + 1:])
    assert touching >= 3


@pytest.fixture(scope='module')
def many(tmp_path_factory):
    out = tmp_path_factory.mktemp('data') / 'many'
    done = make_shapes(out, '--num-train', 40, '--num-val', 1, '--size', 64)
    assert done.returncode == 0, done.stderr
    return out


def test_colour_alone_tells_no_class(many):
    means = {label: [] for label in range(1, 5)}
    for i in range(40):
        image = cv2.imread(str(many / f'coco/train/{i:06d}.png'))
        labels = label_map(many, 'train', i)
        for label in set(np.unique(labels)) - {0}:
            means[label].append(image[labels == label].mean(0))
    centres = np.array([np.mean(value, 0) for value in means.values()])
    spreads = np.array([np.std(value, 0) for value in means.values()])
    assert np.ptp(centres, 0).max() < spreads.mean()


def test_every_mask_lies_on_one_texture(many):
    """This fails if masks and image disagree on the shape in front."""
    coco = COCO(str(many / 'coco/annotations/instances_train.json'))
    for image_id in coco.getImgIds():
        image = cv2.imread(str(many / f'coco/train/{image_id:06d}.png'))
        smooth = cv2.blur(image, (3, 3))
        for ann in coco.loadAnns(coco.getAnnIds(image_id)):
            inside = smooth[coco.annToMask(ann) > 0]
            assert inside.std(0).mean() < 30


def one_sentence(done):
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_refuses_to_overwrite(shapes):
    before = digests(shapes)
    said = one_sentence(make_shapes(shapes, '--num-train', 1, '--seed', 5))
    assert str(shapes) in said and 'exists' in said
    assert digests(shapes) == before
    assert [path.name for path in shapes.parent.iterdir()] == ['shapes']


@pytest.mark.parametrize('flag, value', [('--size', 8), ('--num-train', 0),
                                         ('--num-val', -1), ('--seed', -1)])
def test_bad_values_name_flag_value_and_rule(tmp_path, flag, value):
    said = one_sentence(make_shapes(tmp_path / 'out', flag, value))
    assert f'{flag} (={value}) must be at least' in said
    assert not list(tmp_path.iterdir())


def test_unwritable_place_is_one_sentence(tmp_path):
    (tmp_path / 'file').write_text('')
    said = one_sentence(make_shapes(tmp_path / 'file/out'))
    assert 'could not be written' in said
    assert [path.name for path in tmp_path.iterdir()] == ['file']


def test_a_path_that_cannot_be(load_tool, monkeypatch):
    """A process cannot get such an argument."""
    tool = load_tool('make_shapes')
    monkeypatch.setattr(sys, 'argv', ['make_shapes.py', 'a\0b'])
    assert 'NUL' in tool.complaint(tool.parse_args())


def test_a_stopped_run_leaves_nothing(tmp_path):
    command = [sys.executable, ROOT / 'tools/make_shapes.py', tmp_path / 'out']
    running = subprocess.Popen([*command, '--num-train', '100000'])
    while not list(tmp_path.rglob('*.png')):
        assert running.poll() is None
        time.sleep(0.05)
    running.terminate()
    assert running.wait(30) != 0
    assert not list(tmp_path.iterdir())


def test_annotations_are_plain_json(shapes):
    file = shapes / 'coco/annotations/instances_val.json'
    coco = json.loads(file.read_text())
    assert set(coco) == {'images', 'annotations', 'categories'}
    ids = [ann['id'] for ann in coco['annotations']]
    assert ids == list(range(1, len(ids) + 1))


@pytest.fixture(scope='module')
def hard(tmp_path_factory):
    out = tmp_path_factory.mktemp('data') / 'hard'
    done = make_shapes(out, '--hard', '--num-train', 40, '--num-val', 1)
    assert done.returncode == 0, done.stderr
    return out


def annotations(root, split='train'):
    """Return the annotations of a split by image and the names of classes."""
    file = root / f'coco/annotations/instances_{split}.json'
    coco = json.loads(file.read_text())
    found = {image['id']: [] for image in coco['images']}
    for one in coco['annotations']:
        found[one['image_id']].append(one)
    return found, {one['id']: one['name'] for one in coco['categories']}


def test_the_hard_level_is_harder(hard, many):
    shapes, easy = annotations(hard), annotations(many)
    assert {*easy[1].values()} < {*shapes[1].values()}
    count, size = [], []
    for found, _ in (shapes, easy):
        areas = [one['area'] for anns in found.values() for one in anns]
        count.append(len(areas))
        size.append(np.median(areas))
    assert count[0] > count[1] and size[0] < 0.8 * size[1]
    assert cv2.imread(str(hard / 'coco/train/000000.png')).shape == (64, 64, 3)


def test_hard_images_have_textures_of_no_class(hard, many):
    """Behind the shapes, hard images are bright in places, not in lines."""

    def bright(root):
        found = []
        for i in range(40):
            image = cv2.imread(str(root / f'coco/train/{i:06d}.png'))
            behind = (label_map(root, 'train', i) == 0).astype(np.uint8)
            inner = cv2.erode(behind, np.ones((7, 7), np.uint8)) > 0
            found.append((image[inner].max(1) > 200).mean())
        return np.mean(found)

    assert bright(hard) > 1.3 * bright(many)


@pytest.mark.parametrize('level', ['many', 'hard'])
def test_every_instance_has_a_crop_in_its_class(request, level):
    root = request.getfixturevalue(level)
    found, names = annotations(root)
    expected = {
        f'{names[one["category_id"]]}/{image:06d}_{i}.png'
        for image, anns in found.items()
        for i, one in enumerate(anns, 1)
    }
    folder = root / 'classes/train'
    files = list(folder.rglob('*.png'))
    assert {str(file.relative_to(folder)) for file in files} == expected
    assert {cv2.imread(str(file)).shape for file in files} == {(32, 32, 3)}
    for split in SPLITS:  # a class that no image has, too
        on_disk = {path.name for path in (root / 'classes' / split).iterdir()}
        assert on_disk == set(names.values())


def test_a_crop_shows_its_instance(many):
    """The middle of the visible part has its colour in the crop."""
    found, names = annotations(many)
    for image, anns in found.items():
        whole = cv2.imread(str(many / f'coco/train/{image:06d}.png'))
        for i, one in enumerate(anns, 1):
            x, y, width, height = one['bbox']
            name = f'{names[one["category_id"]]}/{image:06d}_{i}.png'
            crop = cv2.imread(str(many / 'classes/train' / name))
            box = whole[y:y + height, x:x + width].mean((0, 1))
            inner = crop[4:-4, 4:-4].mean((0, 1))
            assert abs(box - inner).max() < 45
