"""What somebody does who has only waterspout-ioloop: lines over TLS, a queue, a child process, messages to many."""

import asyncio
import ssl
import sys

from waterspout import gen, locks
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.netutil import bind_sockets
from waterspout.process import Subprocess
from waterspout.pubsub import connect
from waterspout.queues import Queue
from waterspout.tcpclient import TCPClient
from waterspout.tcpserver import TCPServer


class Shout(TCPServer):
    async def handle_stream(self, stream: IOStream, address: tuple) -> None:
        try:
            while True:
                line = await stream.read_until(b"\n", max_bytes=1000)
                await stream.write(line.upper())
        except StreamClosedError:
            pass


async def lines_over_tls(certificate: str, key: str) -> list[bytes]:
    server = Shout(ssl_options={"certfile": certificate, "keyfile": key})
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    context = ssl.create_default_context(cafile=certificate)
    stream = await TCPClient().connect("127.0.0.1", sockets[0].getsockname()[1], ssl_options=context, timeout=10)
    answers = []
    for line in (b"one\n", b"two\n"):
        await stream.write(line)
        answers.append(await stream.read_until(b"\n"))
    stream.close()
    server.stop()
    return answers


async def work() -> list[int]:
    queue: Queue[int] = Queue(maxsize=2)
    lock, done = locks.Lock(), []

    async def worker() -> None:
        async for item in queue:
            async with lock:
                done.append(item * item)
            queue.task_done()

    workers = [asyncio.create_task(worker()) for _ in range(3)]
    for item in range(10):
        await queue.put(item)
    await queue.join()
    for task in workers:
        task.cancel()
    return sorted(done)


async def child() -> bytes:
    process = Subprocess([sys.executable, "-c", "print(6 * 7)"], stdout=Subprocess.STREAM)
    said = await process.stdout.read_until_close()
    await process.wait_for_exit()
    return said.strip()


async def messages() -> list[object]:
    async with connect("memory:") as hub:
        poll = asyncio.ensure_future(hub.poll("room", 0, 10))
        await hub.publish("room", {"text": "hello"})
        return [message.data for message in await poll]


@gen.coroutine
def old_style():
    values = yield gen.multi([gen.sleep(0), asyncio.sleep(0, "new")])
    return values[1]


async def main() -> None:
    assert await lines_over_tls(*sys.argv[1:3]) == [b"ONE\n", b"TWO\n"]
    assert await work() == [n * n for n in range(10)]
    assert await child() == b"42"
    assert await messages() == [{"text": "hello"}]
    assert await old_style() == "new"
    print("network: done")


asyncio.run(main())
