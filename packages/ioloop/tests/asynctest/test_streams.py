"""`memory_stream_pair`."""

import pytest

from waterspout.asynctest import memory_stream_pair
from waterspout.ioloop import IOLoop
from waterspout.iostream import IOStream, StreamClosedError


def test_each_end_reads_what_is_written_to_the_other():
    async def main():
        one, other = memory_stream_pair()
        await one.write(b"question\n")
        assert await other.read_until(b"\n") == b"question\n"
        await other.write(b"answer\n")
        assert await one.read_until(b"\n") == b"answer\n"
        one.close()
        other.close()

    IOLoop.run(main)


def test_closing_one_end_is_seen_at_the_other():
    async def main():
        one, other = memory_stream_pair()
        one.close()
        with pytest.raises(StreamClosedError):
            await other.read_bytes(1)
        assert other.closed()

    IOLoop.run(main)


def test_keywords_are_the_streams():
    async def main():
        one, other = memory_stream_pair(max_buffer_size=12345)
        assert isinstance(one, IOStream)
        assert (one.max_buffer_size, other.max_buffer_size) == (12345, 12345)
        one.close()
        other.close()

    IOLoop.run(main)
