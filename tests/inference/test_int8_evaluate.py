"""A host's evaluator scores a model outside of a Runner."""
import pytest
import torch
from mmengine.logging import MMLogger

from mmrep.cli import build_model, load_config
from mmrep.cli.evaluating import loader_of
from mmrep.inference.int8_evaluate import evaluate
from mmrep.testing import randomize_norms

from ..refusals import sentence


@torch.no_grad()
def test_accuracy(tiny_cls, capsys):
    """The metric, the progress, and nothing said."""
    cfg = load_config(tiny_cls)
    cfg.other_evaluator = cfg.pop('val_evaluator')
    torch.manual_seed(0)
    model = randomize_norms(build_model(cfg)).eval()
    loader, seen, right = loader_of(cfg, 'val_dataloader'), [], []

    def track(batches):
        for batch in batches:
            seen.append(batch)
            yield batch

    level = MMLogger.get_current_instance().level
    found = evaluate(cfg, model, loader, track, 'other_evaluator')
    assert MMLogger.get_current_instance().level == level
    assert capsys.readouterr().out == ''
    assert len(seen) == len(loader) > 1
    for batch in seen:
        x = model.data_preprocessor(batch)['inputs']
        labels = [sample.gt_label.item() for sample in batch['data_samples']]
        right += (model(x, mode='tensor').argmax(1) == torch.tensor(labels))
    assert found == {
        'accuracy/top1': pytest.approx(100 * sum(right).item() / len(right))
    }


def test_what_cannot_be_evaluated(tiny_cls):
    """An evaluator, an image and a net that fail are one sentence each."""
    cfg = load_config(tiny_cls)
    model = build_model(cfg).eval()
    loader = loader_of(cfg, 'val_dataloader')

    def failing(_):
        raise AssertionError('failed to load image')

    assert 'AssertionError: failed to load' in sentence(
        evaluate, cfg, model, loader, failing)
    cfg.val_evaluator.type = 'NoSuchMetric'
    message = sentence(evaluate, cfg, model, loader)
    assert 'cannot build `val_evaluator`' in message
