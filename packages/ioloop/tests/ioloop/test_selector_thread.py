"""`SelectorThread`: add_reader and add_writer for loops that have none."""

import asyncio
import socket
import threading

import pytest

from waterspout.ioloop import AddThreadSelectorEventLoop, IOLoop, SelectorThread


class LoopWithoutReaders(asyncio.SelectorEventLoop):
    """As Windows' proactor loop: it cannot watch files for others."""

    add_reader = asyncio.AbstractEventLoop.add_reader
    add_writer = asyncio.AbstractEventLoop.add_writer
    remove_reader = asyncio.AbstractEventLoop.remove_reader
    remove_writer = asyncio.AbstractEventLoop.remove_writer


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    one.setblocking(False)
    yield one, other
    one.close()
    other.close()


def selector_threads():
    return [thread for thread in threading.enumerate() if thread.name == "waterspout selector"]


def run(main):
    with asyncio.Runner(loop_factory=LoopWithoutReaders) as runner:
        return runner.run(main())


def test_reader_is_called_while_there_is_data(pair):
    one, other = pair

    async def main():
        selector = SelectorThread(asyncio.get_running_loop())
        received = []
        done = asyncio.Event()

        def ready(size):
            received.append(one.recv(size))
            if len(received) == 3:
                done.set()

        selector.add_reader(one, ready, 2)
        other.send(b"abcdef")
        await asyncio.wait_for(done.wait(), 5)
        assert received == [b"ab", b"cd", b"ef"]
        assert selector.remove_reader(one) is True
        assert selector.remove_reader(one) is False
        other.send(b"x")
        await asyncio.sleep(0.005)
        assert len(received) == 3
        selector.close()
        selector.close()

    run(main)
    assert selector_threads() == []


def test_writer_is_called_until_removed(pair):
    one, _ = pair

    async def main():
        selector = SelectorThread(asyncio.get_running_loop())
        done = asyncio.Event()
        calls = []

        def ready():
            calls.append(1)
            selector.remove_writer(one)
            done.set()

        selector.add_writer(one.fileno(), ready)
        await asyncio.wait_for(done.wait(), 5)
        await asyncio.sleep(0.005)
        assert calls == [1]
        selector.close()

    run(main)


def test_replacing_a_reader(pair):
    one, other = pair

    async def main():
        selector = SelectorThread(asyncio.get_running_loop())
        done = asyncio.Event()
        selector.add_reader(one, pytest.fail, "the old one")
        selector.add_reader(one, lambda: (one.recv(1), done.set()))
        other.send(b"x")
        await asyncio.wait_for(done.wait(), 5)
        selector.close()

    run(main)


def test_descriptor_that_was_closed_without_being_removed_hurts_nobody(pair):
    one, other = pair
    stale, far = socket.socketpair()

    async def main():
        selector = SelectorThread(asyncio.get_running_loop())
        done = asyncio.Event()
        selector.add_reader(stale, lambda: None)
        number = stale.fileno()
        await asyncio.sleep(0.002)
        stale.close()
        selector.add_reader(one, lambda: (one.recv(1), done.set()))
        selector.remove_reader(number)
        other.send(b"x")
        await asyncio.wait_for(done.wait(), 5)
        selector.close()

    run(main)
    far.close()


def test_closed_selector_takes_no_more_files(pair):
    async def main():
        selector = SelectorThread(asyncio.get_running_loop())
        selector.close()
        with pytest.raises(RuntimeError, match="closed"):
            selector.add_reader(pair[0], print)

    run(main)


def test_thread_ends_with_asyncio_run_although_nobody_closed_it(pair):
    async def main():
        selector = SelectorThread(asyncio.get_running_loop())
        selector.add_reader(pair[0], print)
        await asyncio.sleep(0.002)
        assert len(selector_threads()) == 1

    run(main)
    assert selector_threads() == []


def test_thread_ends_when_its_loop_was_closed(pair):
    one, other = pair
    loop = LoopWithoutReaders()
    selector = SelectorThread(loop)
    selector.add_reader(one, print)
    loop.run_until_complete(asyncio.sleep(0.002))
    (thread,) = selector_threads()
    loop.close()
    other.send(b"x")
    thread.join(5)
    assert not thread.is_alive()
    selector.close()


def test_wrapper_has_the_loops_other_methods(pair):
    async def main():
        loop = asyncio.get_running_loop()
        wrapper = AddThreadSelectorEventLoop(loop)
        assert wrapper.time == loop.time
        assert wrapper.is_running()
        assert wrapper.create_future().get_loop() is loop
        assert isinstance(wrapper, asyncio.AbstractEventLoop)
        with pytest.raises(AttributeError):
            wrapper.no_such_attribute  # noqa: B018
        done = asyncio.Event()
        wrapper.add_writer(pair[0], done.set)
        await asyncio.wait_for(done.wait(), 5)
        assert wrapper.remove_writer(pair[0]) is True
        wrapper.add_reader(pair[0], print)
        assert wrapper.remove_reader(pair[0]) is True

    run(main)


def test_closing_the_wrapper_closes_the_loop():
    loop = LoopWithoutReaders()
    wrapper = AddThreadSelectorEventLoop(loop)
    wrapper.close()
    assert loop.is_closed()


def test_ioloop_on_a_loop_without_readers_uses_the_thread(pair):
    one, other = pair

    async def main():
        io_loop = IOLoop.current()
        assert isinstance(io_loop.selector_loop, AddThreadSelectorEventLoop)
        done = asyncio.Event()

        def ready(fd, events):
            one.recv(10)
            io_loop.remove_handler(fd)
            done.set()

        io_loop.add_handler(one, ready, IOLoop.READ)
        other.send(b"x")
        await asyncio.wait_for(done.wait(), 5)

    run(main)
    assert selector_threads() == []


def test_closing_an_ioloop_on_a_loop_without_readers():
    io_loop = IOLoop(make_current=False, loop_factory=LoopWithoutReaders)
    one, other = socket.socketpair()
    io_loop.add_handler(one, print, IOLoop.READ)
    io_loop.run_sync(lambda: asyncio.sleep(0.001))
    io_loop.close(all_fds=True)
    assert one.fileno() == -1
    assert selector_threads() == []
    other.close()


def test_windows_reports_failed_connects_as_exceptional(monkeypatch):
    from waterspout.ioloop import _selector_thread

    seen = []

    def select(readers, writers, exceptional):
        seen.append(exceptional)
        return [], [], [7]

    monkeypatch.setattr(_selector_thread.sys, "platform", "win32")
    monkeypatch.setattr(_selector_thread.select, "select", select)
    assert _selector_thread._select([1], [7]) == ([], [7])
    assert seen == [[7]]
