"""Fails where an upgrade of torch takes graphs in another way."""
import torch

from mmrep.compat import inductor
from mmrep.together.graphs import trace

GONE = 'mmrep/compat/inductor.py needs another way to compile a graph'


def test_graphs_go_to_the_compiler(monkeypatch):
    """tests/together/test_static.py compiles one, which takes a while."""
    assert callable(inductor._compile), GONE
    seen = []
    monkeypatch.setattr(inductor, '_compile',
                        lambda *args, **kwargs: seen.append((args, kwargs)))
    x = torch.ones(2)
    graph = trace(lambda a: (a + 1, ), [x], joined=False)
    inductor.compiled(graph, (x, ))
    (found, tensors), options = seen[0]
    assert found is graph and tensors == [x]
    assert options == dict(options=dict(cpp_wrapper=True))
    assert not any(node.meta for node in graph.graph.nodes)
