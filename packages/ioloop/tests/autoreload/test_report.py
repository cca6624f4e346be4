"""What a supervised program tells its supervisor."""

import os

import pytest

from waterspout.autoreload._report import Report, Wishes, read_report


@pytest.fixture
def report(tmp_path):
    return Report(str(tmp_path / "report"))


def test_files_arrive_as_absolute_paths_and_without_a_wish_for_a_restart(report):
    report.watch(["relative.py", "/absolute.py"])
    assert read_report(report.path) == Wishes(["/absolute.py", os.path.abspath("relative.py")], False, None)


def test_restart_is_wished_for_with_the_files_named_before_and_the_environment(report, monkeypatch):
    monkeypatch.setenv("SET_BY_THE_PROGRAM", "1\n2")
    report.watch(["/a.py"])
    report.watch(["/b.py"])
    report.ask_for_restart()
    assert read_report(report.path) == Wishes(["/a.py", "/b.py"], False, dict(os.environ))


def test_end_is_reported_with_the_last_files(report):
    report.watch(["/a.py"])
    report.end(["/b.py"])
    assert read_report(report.path) == Wishes(["/a.py", "/b.py"], True, None)


def test_no_report_is_no_wish_and_no_files(tmp_path):
    assert read_report(str(tmp_path / "none")) == Wishes([], False, None)


def test_names_that_are_not_text_survive(report):
    name = os.fsdecode(b"/caf\xe9\n.py")
    report.watch([name])
    assert read_report(report.path).files == [name]


def test_nothing_is_written_when_nothing_is_new(report):
    report.watch(["/a.py"])
    os.unlink(report.path)
    report.watch(["/a.py"])
    assert not os.path.exists(report.path)


def test_ten_thousand_files(report):
    names = [f"/some/folder/{n:05}.py" for n in range(10_000)]
    report.watch(names)
    assert read_report(report.path).files == names
