"""Interfaces whose constructor makes the configured implementation."""

from collections.abc import Iterator
from typing import Any

import pytest

from waterspout.util import Configurable


class Store(Configurable):
    @classmethod
    def configurable_base(cls) -> type[Any]:
        return Store

    @classmethod
    def configurable_default(cls) -> type[Any]:
        return MemoryStore


class MemoryStore(Store):
    def initialize(self, size: int = 1) -> None:
        self.size = size


class DiskStore(Store):
    """Itself the base of a hierarchy."""

    @classmethod
    def configurable_base(cls) -> type[Any]:
        return DiskStore

    @classmethod
    def configurable_default(cls) -> type[Any]:
        return PlainDiskStore


class PlainDiskStore(DiskStore):
    def initialize(self, path: str = "/", sync: bool = False) -> None:
        self.path, self.sync = path, sync


class ZippedDiskStore(PlainDiskStore):
    pass


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    saved = Store._save_configuration(), DiskStore._save_configuration()
    yield
    Store._restore_configuration(saved[0])
    DiskStore._restore_configuration(saved[1])


def test_the_base_makes_the_default() -> None:
    made = Store(size=3)
    assert type(made) is MemoryStore
    assert made.size == 3


def test_a_subclass_always_makes_itself() -> None:
    Store.configure(DiskStore)
    assert type(MemoryStore()) is MemoryStore


def test_a_class_can_be_configured() -> None:
    class Other(Store):
        def initialize(self) -> None:
            self.made = True

    Store.configure(Other)
    assert Store.configured_class() is Other
    assert Store().made is True


def test_a_class_can_be_configured_by_name_and_back_to_the_default() -> None:
    Store.configure(f"{__name__}.MemoryStore" if "." in __name__ else MemoryStore)
    assert Store.configured_class() is MemoryStore
    Store.configure(None)
    assert Store.configured_class() is MemoryStore


def test_configured_arguments_are_for_the_base_only_and_are_overridden_by_the_call() -> None:
    Store.configure(MemoryStore, size=7)
    assert Store().size == 7
    assert Store(size=8).size == 8
    assert MemoryStore().size == 1


def test_arguments_may_be_configured_without_a_class() -> None:
    Store.configure(None, size=9)
    made = Store()
    assert (type(made), made.size) == (MemoryStore, 9)


def test_levels_are_configured_apart() -> None:
    Store.configure(DiskStore, path="/srv")
    DiskStore.configure(ZippedDiskStore, sync=True)
    outer, inner = Store(), DiskStore()
    assert (type(outer), outer.path, outer.sync) == (ZippedDiskStore, "/srv", True)
    assert (type(inner), inner.path, inner.sync) == (ZippedDiskStore, "/", True)
    plain = PlainDiskStore()
    assert (plain.path, plain.sync) == ("/", False)


def test_an_implementation_needs_no_initialize() -> None:
    class Bare(Store):
        pass

    assert type(Bare()) is Bare
    with pytest.raises(TypeError):
        Bare(1)


@pytest.mark.parametrize("wrong", [int, "collections.OrderedDict", "os.getcwd"])
def test_what_is_no_subclass_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="Invalid subclass of .*Store"):
        Store.configure(wrong)
    assert Store.configured_class() is MemoryStore


def test_a_name_that_leads_nowhere_is_an_import_error() -> None:
    with pytest.raises(ImportError):
        Store.configure("os.no_such_store")


def test_a_class_that_forgot_its_base_says_so() -> None:
    with pytest.raises(NotImplementedError, match="configurable_base"):
        type("Forgetful", (Configurable,), {})()
