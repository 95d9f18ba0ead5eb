"""Forms of whole nets in torch and in runtimes, timed in turn."""
import numpy as np
import pytest
import torch

from mmrep import OREPAConv2d
from mmrep.cli import UserError
from mmrep.measure.latency import (Timed, boxes_in, compare_latency,
                                   latency_forms)
from mmrep.nets.walk import rep_layers

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

SIZE = (64, 96)
RICH = ['plain', 'branch by branch', 'eval', 'fused']


@pytest.mark.parametrize('config', ['tiny_seg', 'tiny_det', 'tiny_cls'])
def test_forms_of_a_rich_net(request, config):
    """The fused net computes the same in torch and in a runtime."""
    path = request.getfixturevalue(config)
    forms = latency_forms(path, SIZE, ['torch', 'onnxruntime'], False)
    assert [form.form for form in forms] == [*RICH, 'fused']
    assert [form.runtime for form in forms] == ['torch'] * 4 + ['onnxruntime']
    assert {form.config for form in forms} == {path}
    rich = [any(rep_layers(form.model)) for form in forms[:4]]
    assert rich == [False, True, True, False]
    plain, _, fused = (forms[i].model.backbone for i in (0, 1, 3))
    assert type(plain).__name__ == 'ResNet' and fused.training is False
    fused, opened = forms[3](), forms[4]()
    if config == 'tiny_det':
        count = boxes_in(opened)
        assert boxes_in(fused) == count > 0
        fused = fused[0].pred_instances
        np.testing.assert_allclose(
            opened[0][0, :count], fused.bboxes, atol=1e-3)
    else:
        error = abs(opened[0] - fused[0].numpy()).max()
        assert error < 1e-4 * abs(opened[0]).max()


def test_branches_run_in_one_form_alone(tiny_cls, monkeypatch):
    _, branches, kernels, *_ = latency_forms(tiny_cls, SIZE, ['torch'], False)
    ran, forward = [], OREPAConv2d.forward_branches
    monkeypatch.setattr(OREPAConv2d, 'forward_branches',
                        lambda self, x: ran.append(self) or forward(self, x))
    kernels.timed()
    assert not ran
    branches.timed()
    assert len(ran) == 2 * len(list(rep_layers(branches.model)))


def test_a_plain_net_and_a_runtime_alone(plain, tiny_cls):
    forms = latency_forms(plain, SIZE, ['torch', 'onnxruntime'], False)
    assert [(form.form, form.runtime)
            for form in forms] == [('plain', 'torch'),
                                   ('plain', 'onnxruntime')]
    forms = latency_forms(tiny_cls, SIZE, ['onnxruntime'], False)
    assert [(form.form, form.runtime)
            for form in forms] == [('plain', 'torch'),
                                   ('fused', 'onnxruntime')]


def test_rows(monkeypatch):
    """Medians, as ratios to the first; each form runs twice a time."""
    monkeypatch.setattr('mmrep.measure.latency.timed', lambda call:
                        (call() / 8, ))
    runs, steps = [], []

    def form(name, number):
        return Timed('a.py', name, 'torch', 'float32',
                     lambda: runs.append(name) or number)

    monkeypatch.setattr('mmrep.measure.latency.boxes_in', lambda _: None)
    rows = compare_latency(
        [form('plain', 2), form('fused', 3)], 2, lambda: steps.append(1))
    assert rows == [
        dict(
            config='a.py',
            form=name,
            runtime='torch',
            precision='float32',
            boxes=None,
            seconds=seconds,
            ratio=ratio) for name, seconds, ratio in (('plain', 0.25, 1.),
                                                      ('fused', 0.375, 1.5))
    ]
    assert runs[:12] == ['plain', 'plain', 'fused', 'fused'] * 3
    assert len(steps) == 6


def test_boxes():
    labels = torch.tensor([[3, 0, -1, -1]])
    assert boxes_in((torch.zeros(1, 4, 4), torch.zeros(1, 4), labels)) == 2
    assert boxes_in((torch.zeros(1, 5), )) is None


def test_a_net_that_does_not_run(tiny_seg, tmp_path):
    config = tmp_path / 'broken.py'
    config.write_text(f"_base_ = '{tiny_seg}'\n"
                      'model = dict(decode_head=dict(in_channels=7))')
    forms = latency_forms(str(config), SIZE, ['torch'], False)
    with pytest.raises(UserError, match='does not run on .* images in torch'):
        forms[0].timed()
