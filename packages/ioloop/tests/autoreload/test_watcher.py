"""`Watcher`: which files have changed in a way that matters."""

import os
import sys
import types

import pytest

from waterspout.autoreload._watcher import Watcher, module_files


@pytest.fixture
def watcher():
    return Watcher()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.py"
    path.write_text("x = 1\n")
    return path


def write(path, text):
    """Write with a modification time that is surely another."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


def test_file_that_stays_as_it_is_does_not_count(watcher, source):
    for _ in range(3):
        assert watcher.changed([str(source)]) == []


def test_file_that_changed_counts_once(watcher, source):
    watcher.look([str(source)])
    write(source, "x = 2\n")
    assert watcher.changed([str(source)]) == [str(source)]
    assert watcher.changed([str(source)]) == []


def test_change_of_the_size_counts_at_the_same_time_stamp(watcher, source):
    watcher.look([str(source)])
    stamp = source.stat().st_mtime_ns
    source.write_text("x = 12345\n")
    os.utime(source, ns=(stamp, stamp))
    assert watcher.changed([str(source)]) == [str(source)]


def test_look_does_not_forget_an_earlier_look(watcher, source):
    watcher.look([str(source)])
    write(source, "x = 2\n")
    watcher.look([str(source)])
    assert watcher.changed([str(source)]) == [str(source)]


@pytest.mark.parametrize("broken", ["def f(:\n", "x = '\n", "\x00\n", "  indented\n"])
def test_syntax_error_does_not_count_is_logged_and_counts_when_mended(watcher, source, caplog, broken):
    watcher.look([str(source)])
    write(source, broken)
    assert watcher.changed([str(source)]) == []
    assert watcher.changed([str(source)]) == []
    assert len([r for r in caplog.records if "cannot be loaded" in r.getMessage()]) == 1
    assert str(source) in caplog.text
    write(source, "x = 3\n")
    assert watcher.changed([str(source)]) == [str(source)]


def test_syntax_error_counts_for_who_shows_it(watcher, source, caplog):
    watcher.despite_errors = True
    watcher.look([str(source)])
    write(source, "def f(:\n")
    assert watcher.changed([str(source)]) == [str(source)]
    assert not caplog.records


def test_folder_counts_when_a_file_appears_in_it(watcher, tmp_path):
    os.utime(tmp_path, ns=(10**9, 10**9))
    watcher.look([str(tmp_path)])
    assert watcher.changed([str(tmp_path)]) == []
    (tmp_path / "new.py").write_text("")
    assert watcher.changed([str(tmp_path)]) == [str(tmp_path)]


def test_files_that_are_not_python_count_whatever_they_contain(watcher, tmp_path):
    template = tmp_path / "page.html"
    template.write_text("{% if")
    watcher.look([str(template)])
    write(template, "{% if x")
    assert watcher.changed([str(template)]) == [str(template)]


def test_OT2_deleted_file_does_not_count_until_it_is_back_as_another(watcher, source):
    watcher.look([str(source)])
    text, stamp = source.read_text(), source.stat().st_mtime_ns
    source.unlink()
    assert watcher.changed([str(source)]) == []
    source.write_text(text)
    os.utime(source, ns=(stamp, stamp))
    assert watcher.changed([str(source)]) == []
    source.unlink()
    source.write_text("x = 2\n")
    os.utime(source, ns=(stamp + 10**9, stamp + 10**9))
    assert watcher.changed([str(source)]) == [str(source)]


def test_OT2_file_that_never_existed_does_not_count(watcher, tmp_path):
    missing = tmp_path / "missing.py"
    assert watcher.changed([str(missing)]) == []
    missing.write_text("x = 1\n")
    assert watcher.changed([str(missing)]) == []
    write(missing, "x = 2\n")
    assert watcher.changed([str(missing)]) == [str(missing)]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_OT2_ten_thousand_files_cost_no_file_descriptor(watcher, tmp_path):
    paths = []
    for n in range(10_000):
        path = tmp_path / f"{n}.txt"
        path.touch()
        paths.append(str(path))
    before = len(os.listdir("/proc/self/fd"))
    watcher.look(paths)
    assert watcher.changed(paths) == []
    assert len(os.listdir("/proc/self/fd")) == before
    write(tmp_path / "9999.txt", "changed")
    assert watcher.changed(paths) == [paths[9999]]


def test_modules_are_found_by_their_source_files():
    import json

    assert json.__file__ in set(module_files())


def test_compiled_module_stands_for_its_source(monkeypatch):
    module = types.ModuleType("compiled")
    module.__file__ = "/somewhere/compiled.pyc"
    monkeypatch.setitem(sys.modules, "compiled", module)
    assert "/somewhere/compiled.py" in set(module_files())


def test_OT2_modules_that_act_when_they_are_asked_for_attributes_are_not_asked(monkeypatch):
    class Lazy(types.ModuleType):
        def __getattr__(self, name):
            raise AssertionError(f"imports the world to answer for {name}")

    monkeypatch.setitem(sys.modules, "lazy", Lazy("lazy"))
    monkeypatch.setitem(sys.modules, "no_module", None)
    monkeypatch.setitem(sys.modules, "an_object", object())
    assert list(module_files())
