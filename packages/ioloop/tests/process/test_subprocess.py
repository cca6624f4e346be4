"""`Subprocess`: streams, the end of the process, no zombies."""

import asyncio
import gc
import os
import signal
import subprocess
import sys

import pytest

from waterspout.ioloop import IOLoop
from waterspout.process import CalledProcessError, Subprocess, _exit_watch

PYTHON = sys.executable


@pytest.fixture(params=["pidfd", "thread"])
def watch(request, monkeypatch):
    """Both ways of learning that a process has ended."""
    if request.param == "thread":
        monkeypatch.setattr(_exit_watch.sys, "platform", "other")
    elif not hasattr(os, "pidfd_open"):
        pytest.skip("no pidfd on this platform")
    return request.param


def run(main):
    return IOLoop.run(main)


def is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter if it ends between the opening and the reading
        return False


def open_files():
    return len(os.listdir("/proc/self/fd"))


def test_streams_to_and_from_the_process(watch):
    async def main():
        process = Subprocess(["cat"], stdin=Subprocess.STREAM, stdout=Subprocess.STREAM)
        await process.stdin.write(b"hello\nworld\n")
        first = await process.stdout.read_until(b"\n")
        process.stdin.close()
        rest = await process.stdout.read_until_close()
        assert await process.wait_for_exit() == 0
        process.stdout.close()
        return first + rest

    assert run(main) == b"hello\nworld\n"


def test_stderr_is_a_stream_of_its_own():
    async def main():
        code = "import sys; print('out'); print('err', file=sys.stderr)"
        process = Subprocess([PYTHON, "-c", code], stdout=Subprocess.STREAM, stderr=Subprocess.STREAM)
        texts = [await process.stdout.read_until_close(), await process.stderr.read_until_close()]
        await process.wait_for_exit()
        return texts

    assert run(main) == [b"out\n", b"err\n"]


def test_pipes_that_are_not_streams_are_popens():
    async def main():
        process = Subprocess(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is process.proc.stdin
        assert process.stderr is None
        process.proc.communicate(b"x")
        return await process.wait_for_exit()

    assert run(main) == 0


def test_return_code_and_callback(watch):
    async def main():
        process = Subprocess([PYTHON, "-c", "raise SystemExit(3)"])
        assert process.returncode is None
        assert process.pid == process.proc.pid
        codes = []
        process.set_exit_callback(codes.append)
        assert await process.wait_for_exit(raise_error=False) == 3
        await asyncio.sleep(0)
        late = asyncio.get_running_loop().create_future()
        process.set_exit_callback(late.set_result)
        return codes, process.returncode, await late

    assert run(main) == ([3], 3, 3)


def test_everybody_who_waits_is_told():
    async def main():
        process = Subprocess([PYTHON, "-c", "pass"])
        waiting = [process.wait_for_exit() for _ in range(3)]
        return await asyncio.gather(*waiting), await process.wait_for_exit()

    assert run(main) == ([0, 0, 0], 0)


def test_failure_is_raised_with_the_command():
    async def main():
        process = Subprocess([PYTHON, "-c", "raise SystemExit(1)"])
        with pytest.raises(CalledProcessError) as caught:
            await process.wait_for_exit()
        return caught.value

    error = run(main)
    assert error.returncode == 1
    assert error.cmd[0] == PYTHON


def test_death_by_a_signal_is_a_negative_return_code(watch):
    async def main():
        process = Subprocess(["sleep", "60"])
        os.kill(process.pid, signal.SIGTERM)
        return await process.wait_for_exit(raise_error=False)

    assert run(main) == -signal.SIGTERM


def test_cancelling_the_wait_leaves_the_process_alone():
    async def main():
        process = Subprocess(["cat"], stdin=Subprocess.STREAM)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.wait_for_exit(), 0.002)
        assert process.returncode is None
        process.stdin.close()
        return await process.wait_for_exit()

    assert run(main) == 0


def test_initialize_and_uninitialize_set_no_signal_handler():
    before = signal.getsignal(signal.SIGCHLD)
    Subprocess.initialize()
    assert signal.getsignal(signal.SIGCHLD) is before

    async def main():
        return await Subprocess([PYTHON, "-c", "pass"]).wait_for_exit()

    assert run(main) == 0
    Subprocess.uninitialize()
    assert signal.getsignal(signal.SIGCHLD) is before


def test_OT5_ended_process_is_reaped_although_nobody_waits(watch):
    async def main():
        pid = Subprocess([PYTHON, "-c", "pass"]).pid
        gc.collect()
        for _ in range(1000):
            await asyncio.sleep(0.005)
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return True
        return False

    assert run(main)


def test_OT5_process_that_the_program_reaped_itself_is_no_error(watch):
    async def main():
        process = Subprocess([PYTHON, "-c", "raise SystemExit(4)"])
        assert process.proc.wait() == 4
        return await process.wait_for_exit(raise_error=False)

    assert run(main) == 4


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_OT5_no_file_stays_open(watch):
    async def main():
        async def once():
            process = Subprocess(["cat"], stdin=Subprocess.STREAM, stdout=Subprocess.STREAM, stderr=Subprocess.STREAM)
            process.stdin.close()
            await process.wait_for_exit()
            await process.stdout.read_until_close()
            await process.stderr.read_until_close()

        await once()
        before = open_files()
        for _ in range(5):
            await once()
        return open_files() - before

    assert run(main) == 0


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_OT5_no_file_stays_open_when_the_program_does_not_exist():
    async def main():
        before = open_files()
        with pytest.raises(FileNotFoundError):
            Subprocess(["/no/such/program"], stdin=Subprocess.STREAM, stdout=Subprocess.STREAM)
        return open_files() - before

    assert run(main) == 0


def test_OT5_arguments_never_pass_through_a_shell(tmp_path):
    target = tmp_path / "made"

    async def main():
        argument = f"; touch {target} $(touch {target}) `touch {target}`"
        process = Subprocess(["printf", "%s", argument], stdout=Subprocess.STREAM)
        assert await process.stdout.read_until_close() == argument.encode()
        await process.wait_for_exit()

    run(main)
    assert not target.exists()


def test_OT5_environment_is_what_was_given():
    async def main():
        process = Subprocess(["/usr/bin/env"], env={"ONLY": "this"}, stdout=Subprocess.STREAM)
        output = await process.stdout.read_until_close()
        await process.wait_for_exit()
        return output

    assert run(main) == b"ONLY=this\n"


def test_OT5_writing_to_a_process_that_has_closed_its_end_is_an_error_of_the_stream():
    from waterspout.iostream import StreamClosedError

    async def main():
        process = Subprocess([PYTHON, "-c", "pass"], stdin=Subprocess.STREAM)
        await process.wait_for_exit()
        with pytest.raises(StreamClosedError):
            for _ in range(10):
                await process.stdin.write(b"x" * 100_000)
        process.stdin.close()

    run(main)


def test_OT5_loop_closed_before_the_process_ended_leaves_no_file_open():
    io_loop = IOLoop(make_current=True)
    process = Subprocess(["cat"], stdin=subprocess.PIPE)
    io_loop.close(all_fds=True)
    process.stdin.close()
    assert process.proc.wait() == 0
    assert not is_zombie(process.pid)


def test_pid_file_that_cannot_be_had_is_replaced_by_a_thread(monkeypatch):
    if not hasattr(os, "pidfd_open"):
        pytest.skip("no pidfd on this platform")

    def refuse(pid):
        raise PermissionError("forbidden by the sandbox")

    monkeypatch.setattr(_exit_watch.os, "pidfd_open", refuse)

    async def main():
        return await Subprocess([PYTHON, "-c", "pass"]).wait_for_exit()

    assert run(main) == 0
