"""What an engine's failure says: what happened, to what, what to do; nothing of the client library, nothing secret."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import subprocess
import sys
import traceback
from typing import Any

import pytest

from waterspout.log import set_worker
from waterspout.pubsub import HubRefused, HubUnavailable, NatsHub, RedisHub, connect
from waterspout.pubsub._failure import address, reason
from waterspout.util import ExplainedError


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def only_ours(error: BaseException) -> bool:
    """Whether the traceback that Python prints for it shows it alone, without what the client library raised."""
    shown = "".join(traceback.format_exception(error))
    return shown.count("Traceback") == 1 and "During handling" not in shown and "direct cause" not in shown


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://localhost", "localhost:6379"),
        ("redis://localhost:7000/3?x=1", "localhost:7000"),
        ("rediss://ada:secret@db.example/0", "db.example:6379"),
        ("redis://:p@ss@[::1]", "[::1]:6379"),
        ("redis://[::1]:7000", "[::1]:7000"),
        ("unix:///run/redis.sock", "/run/redis.sock"),
        ("unix://ada:secret@/run/my%20redis.sock?db=1", "/run/my redis.sock"),
    ],
)
def test_an_address_is_where_a_url_leads_without_its_secrets(url: str, place: str) -> None:
    assert address(url, 6379) == place


@pytest.mark.parametrize(("hub", "engine"), [(RedisHub, "Redis"), (NatsHub, "NATS")])
def test_a_server_that_is_absent_is_one_line_at_once_and_one_at_the_end(
    hub: Any, engine: str, closed_port: int, caplog: pytest.LogCaptureFixture, run: Any
) -> None:
    pytest.importorskip("redis" if hub is RedisHub else "nats")
    url = f"{engine.lower()}://ada:secret@127.0.0.1:{closed_port}"
    with caplog.at_level(logging.INFO), pytest.raises(HubUnavailable) as caught:
        run(hub(url, patience=1).open())
    assert type(caught.value) is HubUnavailable and only_ours(caught.value)
    assert str(caught.value) == (
        f"could not connect to {engine} in 1 s: no answer from 127.0.0.1:{closed_port} (Connection refused);"
        " start it, or give the hub the URL where it is"
    )
    # However often it was tried.
    [record] = caplog.records
    assert "Connection refused" in record.getMessage() and "again" in record.getMessage()
    assert "secret" not in caplog.text


@pytest.mark.parametrize(("hub", "engine"), [(RedisHub, "redis"), (NatsHub, "nats")])
@pytest.mark.parametrize(("number", "lines"), [(None, 1), (0, 1), (1, 0), (7, 0)])
def test_of_several_workers_that_start_the_first_says_that_the_server_is_absent(
    hub: Any, engine: str, number: int | None, lines: int, closed_port: int, caplog: pytest.LogCaptureFixture, run: Any
) -> None:
    pytest.importorskip(engine)
    set_worker(number)
    try:
        with caplog.at_level(logging.INFO), pytest.raises(HubUnavailable, match="could not connect to"):
            run(hub(f"{engine}://127.0.0.1:{closed_port}", patience=0.3).open())
    finally:
        set_worker(None)
    assert len(caplog.messages) == lines, caplog.messages


def test_a_place_that_is_none_is_named(run: Any) -> None:
    pytest.importorskip("redis")
    with pytest.raises(HubUnavailable, match=r"no answer from /nowhere/s \(No such file or directory\)") as caught:
        run(RedisHub("unix:///nowhere/s", patience=0.1).open())
    assert only_ours(caught.value)


def test_the_reason_is_the_systems_however_deep_it_is_wrapped() -> None:
    assert reason(ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed")) == "Connection refused"
    assert reason(socket.gaierror(socket.EAI_NONAME, "Name or service not known")) == "Name or service not known"
    assert reason(TimeoutError()) == "timed out"
    assert reason(ValueError("said by the server")) == "said by the server"
    assert reason(ValueError()) == "ValueError"
    try:
        try:
            raise OSError(errno.ENOENT, "x", "/nowhere")
        except OSError:
            raise ValueError("Error 2 connecting to /nowhere.") from None
    except ValueError as error:
        assert reason(error) == "No such file or directory"


@pytest.mark.parametrize(
    ("user", "advice"),
    [
        ("", "it asks for a password: give it in the URL"),
        (":wrong@", "correct the user or the password in the URL"),
        ("ada:wrong@", "correct the user or the password in the URL"),
        ("bob:bobs@", "does not tell whether it keeps what it acknowledges"),  # may not ask for it
    ],
)
def test_a_redis_that_does_not_let_us_in_says_so_at_once(redis_server: Any, user: str, advice: str, run: Any) -> None:
    async def main() -> None:
        async with RedisHub(redis_server.url) as hub:
            await hub._client.execute_command("ACL", "SETUSER", "bob", "on", ">bobs", "~*", "+ping")
            await hub._client.config_set("requirepass", "right")
        with pytest.raises(HubRefused) as caught:
            # An hour: it is not tried again.
            await RedisHub(redis_server.url.replace("unix://", f"unix://{user}"), patience=3600).open()
        said = str(caught.value)
        assert advice in said and str(redis_server.path) in said and only_ours(caught.value)
        assert not any(word in said for word in ("wrong", "bobs", "right"))

    run(main())


def test_a_redis_database_that_is_not_there_says_so_at_once(redis_server: Any, run: Any) -> None:
    with pytest.raises(HubRefused, match="correct the number at the end of the URL .*out of range"):
        run(RedisHub(redis_server.url + "?db=99", patience=3600).open())


def test_a_key_of_somebody_else_is_refused_by_all_that_meet_it(redis_server: Any, run: Any) -> None:
    async def main() -> None:
        async with RedisHub(redis_server.url, patience=3600) as hub:
            await hub._client.set("waterspout:{t}:stream", "not a stream")
            for use in (hub.publish("t", 1, key="k"), hub.cursor("t"), hub.history("t", 0), hub.poll("t", 0)):
                with pytest.raises(HubRefused, match="give the hub another prefix=, or delete the key") as caught:
                    await use
                assert "'t'" in str(caught.value) and only_ours(caught.value)
                assert caught.value.key in ("k", None)
            await hub.publish("another", 1)

    run(main())


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        (("REPLICAOF", "127.0.0.1", "1"), "it is a replica, and takes no messages: give the URL of its primary"),
        (("CONFIG", "SET", "maxmemory", "1"), "its memory is full: raise its `maxmemory`"),
    ],
)
def test_a_redis_that_takes_no_messages_says_why_and_is_used_again_when_it_does(
    redis_server: Any, command: tuple[str, ...], advice: str, run: Any
) -> None:
    async def main() -> None:
        async with RedisHub(redis_server.url, patience=3600) as hub:
            await hub._client.execute_command(*command)
            with pytest.raises(HubRefused, match=advice) as caught:
                await hub.publish("t", 1, key="k")
            assert caught.value.key == "k" and only_ours(caught.value)
            await hub._client.execute_command("REPLICAOF", "NO", "ONE")
            await hub._client.config_set("maxmemory", "0")
            assert (await hub.publish("t", 1, key="k")).cursor == 1

    run(main())


def test_a_user_who_may_not_hear_of_changes_is_told_and_hears_when_allowed(
    redis_server: Any, caplog: pytest.LogCaptureFixture, run: Any
) -> None:
    async def main() -> None:
        async with RedisHub(redis_server.url) as owner:
            await owner._client.execute_command("ACL", "SETUSER", "bob", "on", ">bobs", "~*", "+@all", "-subscribe")
            url = redis_server.url.replace("unix://", "unix://bob:bobs@")
            async with RedisHub(url) as hub:
                while "could not hear of changes from Redis" not in caplog.text:  # noqa: ASYNC110 -- a log
                    await asyncio.sleep(0.01)
                waiting = asyncio.create_task(hub.poll("t", 0))
                await owner._client.execute_command("ACL", "SETUSER", "bob", "+subscribe", "allchannels")
                await owner.publish("t", "heard")
                assert [message.data for message in await waiting] == ["heard"]
        assert "`ACL SETUSER`" in caplog.text and "Traceback" not in caplog.text

    run(main())


@pytest.mark.parametrize("user", ["", "ada:wrong@", "token@"])
def test_a_nats_that_does_not_let_us_in_says_so_at_once(nats_start: Any, user: str, run: Any) -> None:
    server = nats_start("-js", "--user", "ada", "--pass", "right")

    async def main() -> None:
        with pytest.raises(HubRefused) as caught:
            await NatsHub(server.url.replace("nats://", f"nats://{user}"), patience=3600).open()
        assert "correct the user, password or token in the URL" in str(caught.value) and only_ours(caught.value)
        assert "wrong" not in str(caught.value)
        async with NatsHub(server.url.replace("nats://", "nats://ada:right@")) as hub:
            assert (await hub.publish("t", 1)).data == 1

    run(main())


def test_a_nats_without_jetstream_says_so_at_once(nats_start: Any, run: Any) -> None:
    server = nats_start()
    with pytest.raises(HubRefused, match="start it with JetStream: nats-server -js") as caught:
        run(NatsHub(server.url, patience=3600).open())
    assert server.url.removeprefix("nats://") in str(caught.value) and only_ours(caught.value)


def test_opening_that_is_given_up_leaves_no_connecting_behind(closed_port: int, run: Any) -> None:
    pytest.importorskip("nats")

    async def main() -> None:
        before = asyncio.all_tasks()
        opening = asyncio.create_task(NatsHub(f"nats://127.0.0.1:{closed_port}", patience=3600).open())
        await asyncio.sleep(0.1)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert asyncio.all_tasks() == before

    run(main())


@pytest.mark.parametrize("module", ["redis", "nats"])
def test_a_missing_client_library_is_an_import_error_that_explains_itself(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"pip install 'waterspout-ioloop\[{module}\]'") as caught:
        connect(f"{module}://localhost")
    assert isinstance(caught.value, ExplainedError) and only_ours(caught.value)


def test_they_are_errors_that_explain_themselves() -> None:
    assert issubclass(HubRefused, HubUnavailable) and issubclass(HubUnavailable, ExplainedError)


def test_a_program_that_catches_nothing_shows_one_traceback_and_the_line(closed_port: int) -> None:
    pytest.importorskip("redis")
    code = (
        "import asyncio\nfrom waterspout.pubsub import connect\n"
        f"asyncio.run(connect('redis://127.0.0.1:{closed_port}', patience=0.1).open())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.count("Traceback") == 1 and "/redis/" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("waterspout.pubsub.HubUnavailable: could not connect to Redis")
