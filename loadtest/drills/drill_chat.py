"""The chat room on four workers behind nginx, while a worker and its hub are killed: nobody loses a message.

``python loadtest/drills/drill_chat.py [--hub redis] [--users 2000] [--messages 12]`` starts
``examples/chat/cluster.py`` with its messages in Redis, or NATS, lets all users long-poll through nginx, publishes,
kills one worker with SIGKILL after a third of the messages and the hub's server after two thirds, and goes on. A
message that was not confirmed is sent again under its key. At the end every user must have seen every confirmed message
exactly once, in order. Exit code 1, with a line for each fault, otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CLUSTER = Path(__file__).resolve().parent.parent.parent / "examples" / "chat" / "cluster.py"
PATIENCE = 120.0


class Failed(Exception):
    """A request that was not answered with 200: it may be sent again."""


async def ask(connection: list[Any], port: int, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """One request over the kept ``connection`` (an empty list at first); Failed for anything but a whole 200."""
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: chat\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    try:
        if not connection:
            connection[:] = await asyncio.open_connection("127.0.0.1", port)
        reader, writer = connection
        writer.write(head.encode() + b"\r\n" + content)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", answer, re.IGNORECASE)
        if not answer.startswith(b"HTTP/1.1 200") or length is None:
            raise Failed(answer.partition(b"\r\n")[0].decode())
        parsed: dict[str, Any] = json.loads(await reader.readexactly(int(length[1])))
        return parsed
    except (OSError, EOFError, Failed) as error:
        if connection:
            connection[1].close()
            connection.clear()
        raise error if isinstance(error, Failed) else Failed(str(error)) from error


class User:
    """Polls, and notes the texts it was sent; what it notes is never put in order or cleaned."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.repeated = 0
        self.first = asyncio.Event()

    async def poll(self, port: int) -> None:
        connection: list[Any] = []
        cursor = 0
        while True:
            try:
                answer = await ask(connection, port, "/a/message/updates", {"cursor": cursor})
            except Failed:
                self.repeated += 1
                await asyncio.sleep(0.2)
                continue
            for message in answer["messages"]:
                self.seen.append(message["text"])
                cursor = message["id"]
            self.first.set()


async def publish(port: int, text: str) -> int:
    """Send ``text`` until it is confirmed; how often that took."""
    limit = time.monotonic() + PATIENCE
    for attempt in range(1, 10_000):
        connection: list[Any] = []
        try:
            await ask(connection, port, "/a/message/new", {"name": "drill", "text": text, "key": f"key of {text}"})
            connection[1].close()
            return attempt
        except Failed as error:
            if time.monotonic() > limit:
                raise SystemExit(f"{text!r} was not confirmed in {PATIENCE:.0f} s: {error}") from error
            await asyncio.sleep(0.1)
    raise AssertionError


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def run(port: int, chat: int, hub: int, count: int, messages: int) -> int:
    users = [User() for _ in range(count)]
    tasks = [asyncio.create_task(user.poll(port)) for user in users]
    await publish(port, "message 0")
    async with asyncio.timeout(PATIENCE):
        for user in users:
            await user.first.wait()
    print(f"{count} users poll")
    texts, attempts = ["message 0"], 0
    for number in range(1, messages):
        if number == messages // 3:
            victim = children(chat)[0]
            os.kill(victim, signal.SIGKILL)
            print(f"worker {victim} killed before message {number}")
        if number == 2 * messages // 3:
            os.kill(hub, signal.SIGKILL)
            print(f"the hub's server {hub} killed before message {number}")
        text = f"message {number}"
        attempts += await publish(port, text)
        texts.append(text)
    limit = time.monotonic() + PATIENCE
    while any(len(u.seen) < len(texts) for u in users) and time.monotonic() < limit:  # noqa: ASYNC110 - 2,000 of them
        await asyncio.sleep(0.2)
    await asyncio.sleep(1)  # for what should not come
    for task in tasks:
        task.cancel()
    faults = [user for user in users if user.seen != texts]
    for user in faults[:5]:
        missing, extra = [t for t in texts if t not in user.seen], len(user.seen) - len(set(user.seen))
        print(f"WRONG: a user misses {missing[:5]} and has {extra} twice; it saw {user.seen}")
    lost = sum(len(set(texts) - set(user.seen)) for user in users)
    twice = sum(len(user.seen) - len(set(user.seen)) for user in users)
    print(
        f"{count} users, {len(texts)} messages confirmed in {attempts + 1} attempts, {sum(u.repeated for u in users)}"
        f" polls repeated, {len(children(chat))} workers at the end, {len(faults)} users with faults: {lost} messages"
        f" lost, {twice} seen twice, over all users"
    )
    return int(bool(faults))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hub", choices=["redis", "nats"], default="redis")
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--messages", type=int, default=12)
    parser.add_argument("--workers", type=int, default=4)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    command = [sys.executable, str(CLUSTER), "--port", "0", "--workers", str(options.workers), "--hub", options.hub]
    cluster = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert cluster.stdout is not None
    try:
        said = "".join(cluster.stdout.readline() for _ in range(3))
        found = re.search(r":(\d+)/\n\d+ workers \(pid (\d+)\), \w+ \(pid (\d+)\), log in (\S+)", said)
        if found is None:
            print(f"the cluster did not start: {said!r}")
            return 1
        port, chat, hub = (int(found[number]) for number in (1, 2, 3))
        code = asyncio.run(run(port, chat, hub, options.users, options.messages))
        log = Path(found[4]).read_text()
        if "Traceback" in log or code:
            print(log[-4000:])
            return 1
        return 0
    finally:
        cluster.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            cluster.wait(60)


if __name__ == "__main__":
    sys.exit(main())
