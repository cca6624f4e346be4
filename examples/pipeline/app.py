"""Two programs with a pipe between them, and this one at both ends. Only waterspout-ioloop is needed.

    python examples/pipeline/app.py                     (sorts its own source, without doubles, by `sort | uniq -c`)
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from waterspout.ioloop import IOLoop
from waterspout.iostream import PipeIOStream
from waterspout.process import Subprocess


async def feed(stream: PipeIOStream, data: bytes) -> None:
    """Write everything, waiting while the program is slow, and close, which tells it that there is no more."""
    await stream.write(data)
    stream.close()


async def hand_on(source: PipeIOStream, sink: PipeIOStream) -> None:
    async for chunk in source:
        await sink.write(chunk)
    sink.close()


async def count_lines(data: bytes) -> bytes:
    """``sort | uniq -c`` of *data*; raises `subprocess.CalledProcessError` if either program fails."""
    stream = Subprocess.STREAM
    sort = Subprocess(["sort"], stdin=stream, stdout=stream)
    uniq = Subprocess(["uniq", "-c"], stdin=stream, stdout=stream)
    # All at once: a pipe holds 64 KiB, so each end must be read while the others are written.
    _, _, counted = await asyncio.gather(
        feed(sort.stdin, data), hand_on(sort.stdout, uniq.stdin), uniq.stdout.read_until_close()
    )
    await asyncio.gather(sort.wait_for_exit(), uniq.wait_for_exit())
    return bytes(counted)


async def main(data: bytes) -> None:
    sys.stdout.buffer.write(await count_lines(data))


if __name__ == "__main__":
    IOLoop.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else __file__).read_bytes()))
