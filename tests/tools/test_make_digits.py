import sys
from collections import Counter

import cv2
import numpy as np
import pytest

pytest.importorskip('sklearn')


@pytest.fixture(scope='module')
def run(load_tool):
    """Return a function that runs the tool in this process."""
    tool = load_tool('make_digits')

    def run(out, *flags):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, 'argv', ['make_digits.py', str(out), *flags])
            tool.main()
        return out

    return run


def files(root):
    """Return the label and the bytes of each image, by split and number."""
    return {
        (path.parts[-3], int(path.stem)):
        (int(path.parts[-2]), path.read_bytes())
        for path in root.rglob('*.png')
    }


@pytest.fixture(scope='module')
def digits(run, tmp_path_factory):
    return run(tmp_path_factory.mktemp('data') / 'digits')


def test_every_image_is_written_once(digits):
    from sklearn.datasets import load_digits
    package, written = load_digits(), files(digits)
    assert sorted(number for _, number in written) == list(range(1797))
    for (_, number), (label, data) in written.items():
        assert label == package.target[number]
        image = cv2.imdecode(np.frombuffer(data, 'u1'), cv2.IMREAD_UNCHANGED)
        expected = package.images[number] * 255 / 16
        np.testing.assert_allclose(image, expected, atol=0.5)


def test_each_class_has_its_share(digits):
    counts = Counter(
        (split, label) for (split, _), (label, _) in files(digits).items())
    train = [counts['train', label] for label in range(10)]
    assert sum(train) == 200
    for label, count in enumerate(train):
        share = (count + counts['val', label]) * 200 / 1797
        assert abs(count - share) < 1


def test_the_seed_decides_the_split(run, digits, tmp_path):
    again, other = run(tmp_path / 'a'), run(tmp_path / 'b', '--seed', '1')
    assert files(again) == files(digits)
    assert files(other).keys() != files(digits).keys()


@pytest.mark.parametrize('flags, said', [
    (('--num-train', '9'), '--num-train (=9) must be from 10 to 1787'),
    (('--num-train', '1790'), '--num-train (=1790) must be from 10 to 1787'),
    (('--seed', '-1'), '--seed (=-1) must be at least 0'),
])
def test_bad_values(run, tmp_path, flags, said):
    with pytest.raises(SystemExit) as stopped:
        run(tmp_path / 'out', *flags)
    assert said in stopped.value.code
    assert not list(tmp_path.iterdir())


def test_refuses_to_overwrite(run, digits):
    before = files(digits)
    with pytest.raises(SystemExit, match='exists already'):
        run(digits, '--seed', '3')
    assert files(digits) == before


def test_without_scikit_learn(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'sklearn.datasets', None)
    with pytest.raises(SystemExit, match='pip install scikit-learn'):
        run(tmp_path / 'out')
    assert not list(tmp_path.iterdir())
