"""`waterspout.platform.asyncio`: the names that Tornado has there."""

import asyncio
import subprocess
import sys
import threading

import pytest

import waterspout.ioloop
import waterspout.platform.asyncio as bridge
from waterspout.concurrent import BadYieldError
from waterspout.ioloop import IOLoop


@pytest.mark.parametrize(
    "name", ["AddThreadSelectorEventLoop", "AsyncIOLoop", "AsyncIOMainLoop", "BaseAsyncIOLoop", "SelectorThread"]
)
def test_classes_are_those_of_the_loop_and_say_that_they_live_here(name):
    found = getattr(bridge, name)
    assert found is getattr(waterspout.ioloop, name)
    assert found.__module__ == "waterspout.platform.asyncio"


def test_main_loop_runs_on_the_loop_that_is_set():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        io_loop = bridge.AsyncIOMainLoop()
        assert io_loop.asyncio_loop is loop
        assert IOLoop.current() is io_loop
        io_loop.add_callback(io_loop.stop)
        loop.run_forever()
    finally:
        loop.close()
        asyncio.set_event_loop(None)


def test_main_loop_makes_a_loop_if_none_is_set():
    asyncio.set_event_loop(None)
    io_loop = bridge.AsyncIOMainLoop()
    try:
        assert IOLoop.current() is io_loop
        assert io_loop.run_sync(lambda: asyncio.sleep(0, 5)) == 5
    finally:
        io_loop.close()
        asyncio.set_event_loop(None)


def test_current_of_a_running_loop_is_a_main_loop():
    async def main():
        return type(IOLoop.current())

    assert asyncio.run(main()) is bridge.AsyncIOMainLoop


def test_tornado_future_is_the_future_itself():
    async def main():
        future = asyncio.get_running_loop().create_future()
        return bridge.to_tornado_future(future) is future

    assert asyncio.run(main())


def test_asyncio_future_of_whatever_a_coroutine_may_yield():
    async def coroutine():
        return 1

    async def main():
        future = bridge.to_asyncio_future([coroutine(), coroutine()])
        assert asyncio.isfuture(future)
        with pytest.raises(BadYieldError):
            bridge.to_asyncio_future(42)
        return await future

    assert asyncio.run(main()) == [1, 1]


# ---- the policy

needs_policies = pytest.mark.skipif(sys.version_info >= (3, 16), reason="Python has no event-loop policies any more")


@needs_policies
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_policy_is_one_class_and_deprecated():
    policy_class = bridge.AnyThreadEventLoopPolicy
    assert policy_class is bridge.AnyThreadEventLoopPolicy
    assert (policy_class.__module__, policy_class.__qualname__) == (bridge.__name__, "AnyThreadEventLoopPolicy")
    with pytest.warns(DeprecationWarning, match="AnyThreadEventLoopPolicy is deprecated"):
        policy_class()


@needs_policies
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_policy_gives_each_thread_a_loop():
    policy = bridge.AnyThreadEventLoopPolicy()
    seen = []

    def work():
        loop = policy.get_event_loop()
        seen.append(policy.get_event_loop() is loop)
        loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        bridge.no_such_name  # noqa: B018


def test_import_touches_no_policy():
    code = (
        "import warnings; warnings.simplefilter('error')\n"
        "import waterspout.platform.asyncio, waterspout.ioloop\n"
        "print('AnyThreadEventLoopPolicy' in vars(waterspout.platform.asyncio))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (result.stdout, result.stderr) == ("False\n", "")
