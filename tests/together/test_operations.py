"""Operations take the views of batches that stay from the last call."""
import torch

from mmrep.together.graphs import trace
from mmrep.together.operations import Operations

A, B = torch.randn(2, 3, 4), torch.randn(2, 3, 4)


def function(a, b):
    """Both as a whole, as a part and turned; the first one is used twice."""
    return a[1] * b[0] + a[0], a + b, b.transpose(0, 1) * 2


def made(given=2):
    return Operations(trace(function, [A, B][:given]))


def check(found, *tensors):
    for one, other in zip(found, function(*tensors)):
        torch.testing.assert_close(one, other)


def test_without_memory():
    operations = made()
    for tensors in ((A, B), (B, A)):
        check(operations(tensors), *tensors)


def test_views_are_arguments():
    operations = made()
    nodes = operations.run.__self__.graph.nodes
    strided = [n for n in nodes if 'strided' in str(n.target)]
    assert not [n for n in strided if n.args[0].op == 'placeholder']
    numbers = [place.number for place in operations.places]
    assert numbers == sorted(numbers) and len(numbers) > 2


def test_views_of_what_stays_are_made_once():
    operations, kept, batch = made(), {}, A.clone()
    check(operations((batch, B), 1, kept, 'user'), batch, B)
    views, = kept.values()
    batch.mul_(3)
    check(operations((batch, A), 1, kept, 'user'), batch, A)
    assert kept['user', operations] is views
    assert all(view.data_ptr() in range(batch.data_ptr(),
                                        batch.data_ptr() + 4 * batch.numel())
               for view in views)


def test_each_user_has_its_own_views():
    operations, kept = made(), {}
    for user, tensors in dict(one=(A, B), other=(B, A)).items():
        check(operations(tensors, 2, kept, user), *tensors)
    for user, tensors in dict(one=(A, B), other=(B, A)).items():
        check(operations(tensors, 2, kept, user), *tensors)


def test_arguments_that_nothing_uses():
    operations = Operations(trace(lambda a, b: (b * 2, ), [A, B]))
    assert torch.equal(operations((A, B))[0], B * 2)
    assert torch.equal(operations((B, A), 2, {}, 0)[0], A * 2)
