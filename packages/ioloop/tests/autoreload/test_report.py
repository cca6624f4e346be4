"""What a supervised program tells its supervisor."""

import os

from waterspout.autoreload._report import Report, read_report


def test_files_arrive_as_absolute_paths_and_without_a_wish(tmp_path):
    report = Report(str(tmp_path / "report"))
    report.watch(["relative.py", "/absolute.py"])
    assert read_report(report.path) == (False, ["/absolute.py", os.path.abspath("relative.py")])


def test_restart_is_wished_for_with_the_files_named_before(tmp_path):
    report = Report(str(tmp_path / "report"))
    report.watch(["/a.py"])
    report.watch(["/b.py"])
    report.ask_for_restart()
    assert read_report(report.path) == (True, ["/a.py", "/b.py"])


def test_no_report_is_no_wish_and_no_files(tmp_path):
    assert read_report(str(tmp_path / "none")) == (False, [])


def test_names_that_are_not_text_survive(tmp_path):
    report = Report(str(tmp_path / "report"))
    name = os.fsdecode(b"/caf\xe9.py")
    report.watch([name])
    assert read_report(report.path) == (False, [name])


def test_nothing_is_written_when_nothing_is_new(tmp_path):
    report = Report(str(tmp_path / "report"))
    report.watch(["/a.py"])
    os.unlink(report.path)
    report.watch(["/a.py"])
    assert not os.path.exists(report.path)


def test_ten_thousand_files(tmp_path):
    report = Report(str(tmp_path / "report"))
    names = [f"/some/folder/{n:05}.py" for n in range(10_000)]
    report.watch(names)
    assert read_report(report.path) == (False, names)
