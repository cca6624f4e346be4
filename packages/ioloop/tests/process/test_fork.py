"""`fork_processes`. Each test is a program of its own: it forks, and its children end in ways of their own."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

HEAD = """
import asyncio, logging, os, signal, sys, time
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
from waterspout.ioloop import IOLoop
from waterspout.process import fork_processes, task_id
say = lambda *words: os.write(1, (" ".join(map(str, words)) + "\\n").encode())
"""


def run(code, timeout=30):
    return subprocess.run(
        [sys.executable, "-c", HEAD + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        start_new_session=True,
    )


def start(code):
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_children_get_numbers_and_the_parent_exits_with_status_0_when_all_are_done():
    result = run(
        """
        assert task_id() is None
        number = fork_processes(3)
        assert task_id() == number
        say("child", number)
        """
    )
    assert result.returncode == 0, result.stderr
    assert sorted(result.stdout.splitlines()) == ["child 0", "child 1", "child 2"]
    assert "Starting 3 processes" in result.stderr
    assert result.stderr.count("exited normally") == 3


@pytest.mark.parametrize("count", ["None", "0", "-1"])
def test_no_number_means_one_for_each_processor(count):
    result = run(
        f"""
        from waterspout.process import cpu_count
        expected = cpu_count()
        fork_processes({count})
        say(expected)
        """
    )
    lines = result.stdout.splitlines()
    assert len(lines) == int(lines[0])


@pytest.mark.parametrize("death, message", [("os._exit(3)", "status 3"), ("os.kill(os.getpid(), 9)", "signal 9")])
def test_dead_child_is_started_again_under_its_number(tmp_path, death, message):
    result = run(
        f"""
        number = fork_processes(2)
        marker = {str(tmp_path)!r} + f"/died{{number}}"
        if number == 1 and not os.path.exists(marker):
            open(marker, "w").close()
            {death}
        say("child", number)
        """
    )
    assert result.returncode == 0, result.stderr
    assert sorted(result.stdout.splitlines()) == ["child 0", "child 1"]
    assert message in result.stderr
    assert "restarting" in result.stderr


def test_too_many_restarts_end_the_parent_and_its_other_children():
    result = run(
        """
        try:
            number = fork_processes(2, max_restarts=2)
        except RuntimeError as error:
            say("parent:", error)
            try:
                os.waitpid(-1, 0)
                say("the other child has ended")
            except ChildProcessError:
                say("no child left")
            sys.exit(7)
        if number == 1:
            time.sleep(60)
        os._exit(5)
        """
    )
    assert result.returncode == 7
    assert "Too many child restarts, giving up" in result.stdout
    assert "the other child has ended" in result.stdout
    assert result.stderr.count("restarting") == 3


def test_running_loop_is_refused_with_a_clear_error():
    result = run(
        """
        async def main():
            fork_processes(2)
        asyncio.run(main())
        """
    )
    assert result.returncode == 1
    assert "RuntimeError: fork_processes was called while an event loop is running" in result.stderr


@pytest.mark.parametrize(
    "use",
    [
        "loop.run_sync(lambda: None)",
        "loop.add_handler(0, print, IOLoop.READ)",
        "loop.stop(); loop.start()",
    ],
)
def test_loop_that_was_used_is_refused_with_a_clear_error(use):
    result = run(
        f"""
        loop = IOLoop.current()
        sys.stdin = None
        r, w = os.pipe(); os.dup2(r, 0)
        {use}
        fork_processes(2)
        """
    )
    assert result.returncode == 1
    assert "must be called before an event loop is used" in result.stderr


def test_fork_is_refused_once_autoreload_watches():
    result = run(
        """
        from waterspout import autoreload
        autoreload.start()
        try:
            fork_processes(2)
        except RuntimeError as error:
            say(error)
        """
    )
    assert result.returncode == 0, result.stderr
    assert "autoreload cannot work together with several processes" in result.stdout
    assert "autoreload=False" in result.stdout


def test_loop_that_was_closed_does_not_matter():
    result = run(
        """
        asyncio.run(asyncio.sleep(0))
        loop = IOLoop()
        loop.run_sync(lambda: None)
        loop.close()
        fork_processes(1)
        say("child")
        """
    )
    assert result.stdout == "child\n", result.stderr


def test_loop_that_was_only_made_is_not_shared_by_the_children():
    result = run(
        """
        before = IOLoop.current()
        number = fork_processes(2)
        after = IOLoop.current()
        assert after is not before
        reading, writing = os.pipe()
        after.add_handler(reading, lambda *_: after.stop(), IOLoop.READ)
        after.call_later(0.01, os.write, writing, b"x")
        after.start()
        say("done", number)
        """
    )
    assert sorted(result.stdout.splitlines()) == ["done 0", "done 1"], result.stderr


def test_children_use_loops_of_their_own():
    result = run(
        """
        number = fork_processes(2)
        async def main():
            await asyncio.sleep(0.005)
            say("done", number)
        IOLoop.run(main)
        """
    )
    assert sorted(result.stdout.splitlines()) == ["done 0", "done 1"], result.stderr


def test_buffered_output_is_not_written_once_by_each_child():
    result = run(
        """
        print("before")
        fork_processes(2)
        """
    )
    assert result.stdout == "before\n"


def test_sigterm_ends_the_children_and_then_the_parent():
    program = start(
        """
        number = fork_processes(2)
        async def main():
            say(os.getpid())
            await asyncio.sleep(60)
        IOLoop.run(main)
        say("ended", number)
        """
    )
    children = [int(program.stdout.readline()) for _ in range(2)]
    program.send_signal(signal.SIGTERM)
    out, err = program.communicate(timeout=20)
    assert sorted(out.splitlines()) == ["ended 0", "ended 1"], err
    assert program.returncode == -signal.SIGTERM
    for pid in children:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_sigterm_also_ends_children_that_die_of_it():
    program = start(
        """
        number = fork_processes(2)
        say(os.getpid())
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
        assert signal.set_wakeup_fd(-1) == -1
        time.sleep(600)
        """
    )
    for _ in range(2):
        program.stdout.readline()
    program.send_signal(signal.SIGTERM)
    _, err = program.communicate(timeout=120)
    assert program.returncode == -signal.SIGTERM, err
    assert "restarting" not in err


def test_sigterm_between_two_forks_ends_the_first_child_and_starts_no_other():
    result = run(
        """
        parent = os.getpid()
        os.register_at_fork(after_in_parent=lambda: os.kill(parent, signal.SIGTERM))
        fork_processes(3)
        say("child")
        time.sleep(600)
        """,
        timeout=120,
    )
    assert result.returncode == -signal.SIGTERM
    assert result.stdout.count("child") <= 1
    assert "restarting" not in result.stderr


def test_sigterm_just_before_the_parent_goes_to_sleep_is_not_missed():
    # A thread that blocks nothing takes the signal: the main thread's system call is not interrupted by it.
    result = run(
        """
        import select, threading
        real, parent = select.select, os.getpid()
        def late(*arguments):
            threading.Thread(target=os.kill, args=(parent, signal.SIGTERM)).start()
            return real(*arguments)
        select.select = late
        fork_processes(2)
        time.sleep(600)
        """,
        timeout=120,
    )
    assert result.returncode == -signal.SIGTERM
    assert "restarting" not in result.stderr


def test_what_the_application_did_with_sigchld_is_restored_and_needed_for_nothing():
    result = run(
        """
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing)
        try:
            number = fork_processes(2)
        except SystemExit:
            assert signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN
            assert signal.set_wakeup_fd(-1) == writing
            say("parent")
            raise
        say("child", number)
        """
    )
    assert result.returncode == 0, result.stderr
    assert sorted(result.stdout.splitlines()) == ["child 0", "child 1", "parent"]


def test_fork_from_a_thread_looks_after_children_but_not_after_signals():
    result = run(
        """
        import threading
        def work():
            try:
                say("child", fork_processes(2))
                os._exit(0)
            except SystemExit as end:
                say("parent", end.code)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        """
    )
    assert result.returncode == 0, result.stderr
    assert sorted(result.stdout.splitlines()) == ["child 0", "child 1", "parent 0"]


def test_handler_that_the_application_set_for_sigterm_is_left_alone():
    result = run(
        """
        def handler(*_):
            raise AssertionError
        signal.signal(signal.SIGTERM, handler)
        fork_processes(1)
        say(signal.getsignal(signal.SIGTERM) is handler)
        """
    )
    assert result.stdout == "True\n", result.stderr
