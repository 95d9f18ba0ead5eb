import copy
import pickle

from mmrep.compat.code import put_guard


def add(a, b=1, *, c=0):
    """Add."""
    return a + b + c


def around(function):

    def guard(*args, **kwargs):
        return -function(*args, **kwargs)

    return guard


def test_the_same_object_gets_a_guard_and_loses_it():
    held = [add]
    undo = put_guard(add, around)
    try:
        assert held[0](1, c=2) == add(1, 1, c=2) == -4
        assert pickle.loads(pickle.dumps(add)) is copy.deepcopy(add) is add
        assert add.__wrapped__(1, c=2) == 4
        put_guard(add, around)()  # it has a guard: nothing to do or undo
        assert add(1) == -2
    finally:
        undo()
    assert add(1) == 2 and add(1, 2, c=3) == 6
    assert not hasattr(add, '__wrapped__')
    assert add.__doc__ == 'Add.'


def test_what_is_no_function_of_python_stays():
    outer = 1

    def closed():
        return outer

    for function in (len, None, closed):
        put_guard(function, around)()
    assert closed() == 1
