"""The measured side of ``hops.py``: the application of ``apps/namespaced.py``, its counters switched on and off.

It is started by ``hops.py`` and obeys lines on its standard input, answering each with one line of JSON:

``count KIND``   start counting at the next poll of the selector;
``copies``       start adding up fresh memory, for one request;
``stop``         stop, and answer with what was counted.

All counting is done by the interpreter's own hooks, so nothing in the measured code is replaced. What belongs to the
control line itself is left out exactly: events are gathered by turn of the loop and only added up when the turn has
ended with another poll.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import tracemalloc
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / "apps"))

import namespaced

RECV = frozenset({"recv", "recv_into"})
SEND = frozenset({"send", "sendmsg"})
POLL = frozenset({"poll", "control", "select"})
# Below this, growth is bookkeeping; no copy of a 1 MiB body that comes in network reads is that small.
COPY_BYTES = 4096


class HopCounter:
    """Counts calls, callbacks, turns, recv, send and polls through ``sys.setprofile``.

    A *turn* is one poll of the selector. The turns of a request are the polls between the recv that completed it and
    the first send of its answer: 0 means that the answer left in the very turn that read the request. For a long poll
    the recv is that of the request that published.
    """

    def __init__(self, long_poll: bool) -> None:
        self.long_poll = long_poll
        self.counting = False
        self.calls: Counter[CodeType] = Counter()
        self.turn_calls: Counter[CodeType] = Counter()
        self.polls = self.recvs = self.sends = self.empty_recvs = 0
        self.seen_calls = self.seen_callbacks = 0
        self.read_at: dict[int, tuple[int, int, int]] = {}
        self.last_read = (0, 0, 0)
        self.turns: Counter[int] = Counter()
        self.calls_between: Counter[int] = Counter()
        self.callbacks_between: Counter[int] = Counter()

    def start(self) -> None:
        sys.setprofile(self.hook)

    def hook(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == "call":
            code = frame.f_code
            self.turn_calls[code] += 1
            self.seen_calls += 1
            if code.co_qualname == "Handle._run":
                self.seen_callbacks += 1
        elif event == "c_call":
            if arg.__name__ in POLL and type(arg.__self__).__module__ == "select":
                self._poll()
        elif event == "c_return" and self.counting:
            name = arg.__name__
            if name in RECV:
                self._received(arg.__self__.fileno())
            elif name in SEND:
                self._sent(arg.__self__.fileno())
        elif event == "c_exception" and arg.__name__ in RECV:
            self.empty_recvs += 1

    def _poll(self) -> None:
        if self.counting:
            self.polls += 1
            self.calls.update(self.turn_calls)
        self.counting = True
        self.turn_calls.clear()

    def _received(self, fd: int) -> None:
        self.recvs += 1
        self.last_read = self.read_at[fd] = (self.polls, self.seen_calls, self.seen_callbacks)

    def _sent(self, fd: int) -> None:
        self.sends += 1
        started = self.read_at.pop(fd, None)
        if started is None:
            return  # a further piece of an answer that was counted with its first
        if self.long_poll:
            started = self.last_read
        self.turns[self.polls - started[0]] += 1
        self.calls_between[self.seen_calls - started[1]] += 1
        self.callbacks_between[self.seen_callbacks - started[2]] += 1

    def stop(self) -> dict[str, Any]:
        sys.setprofile(None)
        names: Counter[str] = Counter()
        for code, count in self.calls.items():
            path = Path(code.co_filename)
            names[f"{path.parent.name}/{path.name}:{code.co_qualname}"] += count
        return {
            "calls": sum(self.calls.values()),
            "by_name": names.most_common(),
            "callbacks": sum(count for code, count in self.calls.items() if code.co_qualname == "Handle._run"),
            "polls": self.polls,
            "recv": self.recvs,
            "recv_would_block": self.empty_recvs,
            "send": self.sends,
            "turns": sorted(self.turns.items()),
            "calls_between": sorted(self.calls_between.items()),
            "callbacks_between": sorted(self.callbacks_between.items()),
        }


class CopyCounter:
    """Adds up the fresh memory that one request takes in pieces of :data:`COPY_BYTES` or more, bytecode by bytecode.

    tracemalloc knows the peak since the last look, so a buffer that is made and dropped between two looks is seen
    too. What recv itself makes (the copy out of the kernel, which nobody can avoid) is kept apart. So ``copied /
    len(body)`` is the number of times that the body was copied inside the process: joined, sliced, appended to a
    growing buffer, decoded.
    """

    def __init__(self) -> None:
        self.copied = self.received = 0
        self.before = 0
        self.where: Counter[str] = Counter()

    def start(self) -> None:
        tracemalloc.start()
        self._growth()
        sys.setprofile(self.profile)
        sys.settrace(self.trace)

    def _growth(self) -> int:
        now, peak = tracemalloc.get_traced_memory()
        grown = peak - self.before
        tracemalloc.reset_peak()
        self.before = now
        return grown if grown >= COPY_BYTES else 0

    def _look(self, frame: FrameType) -> None:
        grown = self._growth()
        if grown:
            self.copied += grown
            code = frame.f_code
            self.where[f"{Path(code.co_filename).parent.name}/{Path(code.co_filename).name}:{code.co_qualname}"] += (
                grown
            )

    def profile(self, frame: FrameType, event: str, arg: Any) -> None:
        if event in ("c_return", "c_exception") and arg.__name__ in RECV:
            self.received += self._growth()
        else:
            self._look(frame)

    def trace(self, frame: FrameType, _event: str, _arg: Any) -> Any:
        frame.f_trace_opcodes = True
        self._look(frame)
        return self.trace

    def stop(self) -> dict[str, Any]:
        sys.settrace(None)
        sys.setprofile(None)
        tracemalloc.stop()
        return {"copied": self.copied, "received": self.received, "where": self.where.most_common()}


class Control:
    """Obeys the lines on standard input (see the module's docstring)."""

    def __init__(self) -> None:
        self.counter: HopCounter | CopyCounter | None = None

    def read(self) -> None:
        # The hooks end here, before anything else of this callback is seen.
        sys.setprofile(None)
        sys.settrace(None)
        line = os.read(0, 4096).decode().strip()
        if not line:
            # The end of the pipe stays readable: it must not stop the loop once more while the runner closes it.
            asyncio.get_running_loop().remove_reader(0)
            asyncio.get_running_loop().stop()
            return
        if line == "stop":
            if self.counter is None:
                raise RuntimeError("'stop' came before 'count' or 'copies'")
            answer = self.counter.stop()
            self.counter = None
        else:
            self.counter = CopyCounter() if line == "copies" else HopCounter(long_poll=line == "count poll")
            answer = {"started": line}
        print(json.dumps(answer), flush=True)
        if self.counter is not None:
            self.counter.start()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--loop", choices=namespaced.LOOPS, required=True)
    parser.add_argument("--access-log", action="store_true")
    options = parser.parse_args()
    if options.access_log:
        logging.basicConfig(level=logging.INFO, filename=os.devnull)

    async def start() -> int:
        asyncio.get_running_loop().add_reader(0, Control().read)
        port: int = namespaced.serve(options.namespace, 0, options.access_log)
        return port

    with asyncio.Runner(loop_factory=namespaced.loop_factory(options.namespace, options.loop)) as runner:
        port = runner.run(start())
        print(json.dumps({"port": port}), flush=True)
        # Not runner.run: its task would be one more thing that the loop looks at.
        runner.get_loop().run_forever()


if __name__ == "__main__":
    main()
