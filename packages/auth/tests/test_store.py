"""The store in memory, with a clock of its own; and the store in Redis, where there is one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from waterspout.auth.sessions import MemoryStore, RedisStore, Store

Run = Callable[[Any], Any]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "redis"])
def with_store(request: pytest.FixtureRequest, run: Run) -> Callable[[Callable[[Store], Any]], Any]:
    """Runs a coroutine function with a store of each kind."""

    def use(act: Callable[[Store], Any]) -> Any:
        async def main() -> Any:
            if request.param == "memory":
                return await act(MemoryStore())
            socket = request.getfixturevalue("redis_socket")
            store = RedisStore(f"unix://{socket}", prefix=f"{request.node.name}:")
            async with contextlib.aclosing(store):
                return await act(store)

        return run(main())

    return use


def test_what_is_set_is_found_until_it_is_deleted(with_store: Any) -> None:
    async def act(store: Store) -> list[bytes | None]:
        seen = [await store.get("k")]
        await store.set("k", b"one\x00", 100)
        seen.append(await store.get("k"))
        await store.set("k", b"two", 100)
        seen.append(await store.get("k"))
        await store.delete("k")
        await store.delete("k")
        return [*seen, await store.get("k")]

    assert with_store(act) == [None, b"one\x00", b"two", None]


def test_add_is_heard_true_by_one_only(with_store: Any) -> None:
    async def act(store: Store) -> list[bool]:
        return sorted(await asyncio.gather(*(store.add("k", b"v", 100) for _ in range(5))))

    assert with_store(act) == [False, False, False, False, True]


def test_replace_brings_nothing_back(with_store: Any) -> None:
    async def act(store: Store) -> list[Any]:
        first = await store.replace("k", b"v", 100)
        await store.set("k", b"v", 100)
        return [first, await store.replace("k", b"w", 100), await store.get("k")]

    assert with_store(act) == [False, True, b"w"]


def test_touch_lets_a_value_live_on_as_it_is(with_store: Any) -> None:
    async def act(store: Any) -> list[Any]:
        first = await store.touch("k", 100)
        await store.set("k", b"v", 100)
        seen = [first, await store.touch("k", 200), await store.get("k")]
        await store.touch("k", 0.001)
        await asyncio.sleep(0.01)
        return [*seen, await store.get("k"), await store.touch("k", 100)]

    assert with_store(act) == [False, True, b"v", None, False]


def test_values_end_with_their_time(run: Run) -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)

    async def main() -> None:
        await store.set("short", b"v", 10)
        await store.set("long", b"v", 20)
        clock.now += 9.9
        assert await store.get("short") == b"v"
        clock.now += 0.1
        assert await store.get("short") is None and await store.get("long") == b"v"
        assert len(store) == 1
        assert await store.add("short", b"again", 10)
        clock.now += 100
        assert len(store) == 0

    run(main())


def test_redis_is_told_when_values_end(redis_socket: Path, run: Run) -> None:
    async def main() -> list[int]:
        from redis.asyncio import Redis

        redis = Redis(unix_socket_path=str(redis_socket))
        store = RedisStore(redis, prefix="ttl:")
        await store.set("a", b"v", 30)
        await store.add("b", b"v", 0.0001)
        times = [await redis.pttl("ttl:a"), await redis.pttl("ttl:b")]
        await redis.aclose()
        return times

    long, short = run(main())
    assert 0 < long <= 30000 and short <= 1


def test_a_redis_client_that_decodes_is_refused(redis_socket: Path, run: Run) -> None:
    async def main() -> None:
        from redis.asyncio import Redis

        redis = Redis(unix_socket_path=str(redis_socket), decode_responses=True)
        store = RedisStore(redis)
        try:
            await store.set("a", b"v", 30)
            with pytest.raises(TypeError, match="without decode_responses"):
                await store.get("a")
        finally:
            await redis.aclose()

    run(main())


def test_a_full_store_drops_what_would_end_first(run: Run) -> None:
    store = MemoryStore(max_entries=3)

    async def main() -> list[bool]:
        for name, ttl in (("a", 50), ("b", 10), ("c", 40), ("d", 30)):
            await store.set(name, b"v", ttl)
        return [await store.get(name) is not None for name in "abcd"]

    assert run(main()) == [True, False, True, True]


def test_a_value_that_is_set_again_and_again_takes_no_more_room(run: Run) -> None:
    store = MemoryStore()

    async def main() -> None:
        for _ in range(10_000):
            await store.set("k", b"v", 100)

    run(main())
    assert len(store) == 1 and len(store._expiries) < 200


def test_a_store_for_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="max_entries must be at least 1"):
        MemoryStore(0)


def test_without_redis_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ImportError, match=r"pip install 'waterspout-auth\[redis\]'"):
        RedisStore("redis://localhost")
