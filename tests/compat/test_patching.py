from types import SimpleNamespace

from mmrep.compat.patching import put


class Base:
    name = 1


class Derived(Base):
    pass


def test_own_and_inherited_attributes():
    for owner in (Base, Derived):
        undo = put(owner, 'name', 2)
        assert owner.name == 2
        undo()
        assert owner.name == 1
    assert 'name' not in vars(Derived)


def test_an_attribute_that_is_not_there():
    owner = SimpleNamespace()
    put(owner, 'name', 2)()
    assert not vars(owner)


def test_what_others_put_since_stays():
    owner = SimpleNamespace(name=1)
    undo = put(owner, 'name', 2)
    owner.name = 3
    undo()
    assert owner.name == 3
