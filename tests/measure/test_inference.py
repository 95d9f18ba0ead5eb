"""Forms in which a config's model runs."""
import pytest
import torch
from torch import nn

from mmrep import OREPAConv2d
from mmrep.cli import UserError, load_config
from mmrep.measure.inference import inference_forms
from mmrep.nets.walk import rep_layers
from mmrep.testing import randomize_norms

SIZE = (64, 32)
FORMS = ['branch by branch', 'eval', 'kernels kept', 'fused']


@pytest.mark.parametrize('config', ['tiny_seg', 'tiny_det', 'tiny_cls'])
def test_forms_of_a_rich_model(request, config):
    path = request.getfixturevalue(config)
    forms = inference_forms(path, SIZE, batch_size=2)
    assert [form.form for form in forms] == FORMS
    assert not any(form.model.training for form in forms)
    rich = [any(rep_layers(form.model)) for form in forms]
    assert rich == [True, True, True, False]
    for form in forms:
        assert form.name == path and form.inputs.shape == (2, 3, *SIZE)
        seconds, = form.timed()
        assert seconds > 0


def test_a_plain_model_has_one(plain):
    form, = inference_forms(plain, SIZE, 2)
    assert form.form == 'plain' and len(form.timed()) == 1


def test_forms_run_as_they_are_called(tiny_cls, monkeypatch):
    """Only the first runs branches; kernels are made, kept or not needed."""
    branches, eval_mode, kept, fused = inference_forms(tiny_cls, SIZE, 2)
    layers, calls = len(list(rep_layers(branches.model))), []
    for name in ('forward_branches', 'merge'):
        method = getattr(OREPAConv2d, name)

        def counted(self, *args, name=name, method=method):
            calls.append(name)
            return method(self, *args)

        monkeypatch.setattr(OREPAConv2d, name, counted)
    branches.timed()
    assert calls.count('forward_branches') == layers
    made = []
    for form in (eval_mode, kept):
        calls.clear()
        form.timed()
        assert 'forward_branches' not in calls
        made.append(calls.count('merge'))
    # the form that keeps kernels makes them in the first of its two runs
    assert made[0] == made[1] >= layers
    before = len(calls)
    fused.timed()
    assert len(calls) == before


def test_forms_compute_the_same(tiny_cls):
    cfg = load_config(tiny_cls)
    assert cfg.model.backbone.type == 'OREPAResNet'
    first, second, *_ = inference_forms(tiny_cls, SIZE, 2)
    assert first.model is second.model  # only one is in memory
    randomize_norms(first.model)
    with torch.no_grad():
        x = first.inputs
        expected = first.model.extract_feat(x)[0]
        with first.context(first.model):
            found = first.model.extract_feat(x)[0]
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


def test_multiply_adds_and_parameters(plain, tiny_cls):
    """Those of the formula per image; fused blocks are plain convolutions."""
    plain, = inference_forms(plain, SIZE, 2)
    rich, _, kept, fused = inference_forms(tiny_cls, SIZE, 2)
    seen = []
    for module in plain.model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(lambda m, _, out: seen.append(
                m.weight.numel() * out[0, 0].numel()))
    plain()
    expected = sum(seen)
    assert plain.multiply_adds() == expected
    assert fused.multiply_adds() == kept.multiply_adds() == expected
    assert rich.multiply_adds() > expected
    counts = [form.parameters() for form in (rich, kept, fused)]
    assert counts[0] == counts[1] > counts[2]
    expected = sum(p.numel() for p in fused.model.parameters())
    assert counts[2] == expected


def test_a_model_that_does_not_run(tiny_seg, tmp_path):
    config = tmp_path / 'broken.py'
    config.write_text(f"_base_ = '{tiny_seg}'\n"
                      'model = dict(decode_head=dict(in_channels=7))')
    form = inference_forms(str(config), SIZE, 2)[0]
    with pytest.raises(UserError, match="broken.py' does not run on random"):
        form.timed()


def test_a_config_without_model(tiny_cls, tmp_path):
    config = tmp_path / 'empty.py'
    config.write_text(f"_base_ = '{tiny_cls}'\nmodel = None")
    with pytest.raises(UserError, match='has no `model`'):
        inference_forms(str(config), SIZE, 2)


def test_nothing_to_train_with_is_needed(tiny_cls, tmp_path):
    config = tmp_path / 'deployed.py'
    config.write_text(f"_base_ = '{tiny_cls}'\noptim_wrapper = None\n"
                      'train_cfg = None')
    assert len(inference_forms(str(config), SIZE, 2)) == len(FORMS)
