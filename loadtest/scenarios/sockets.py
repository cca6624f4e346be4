"""WebSockets: every user keeps one open, gets each broadcast exactly once and in order, and is echoed what it sends.

See accounts.py for the publisher and the verdict.
"""

from __future__ import annotations

import json
import time
from typing import Any

import gevent
import websocket
from accounts import Publisher, accounts_of, note_lag
from locust import User, constant, events, task
from locust.exception import StopUser

__all__ = ["Publisher", "Talker"]

PATIENCE = 60.0
SILENCE = 0.5


class Talker(User):
    """Reads what is broadcast, and between two broadcasts asks for an echo."""

    wait_time = constant(0)

    def on_start(self) -> None:
        self.accounts = accounts_of(self.environment)
        self.number = self.accounts.join()
        self.after = 0
        self.asked: dict[str, float] = {}
        address = f"{self.host.replace('http', 'ws', 1)}/socket"
        self.socket = websocket.create_connection(address, timeout=PATIENCE, enable_multithread=False)
        self.asking = gevent.spawn(self.ask)

    def ask(self) -> None:
        """Send a text every now and then; `listen` looks at what comes back."""
        for count in range(1_000_000):
            gevent.sleep(SILENCE)
            text = f"echo {count} of {self.number}"
            self.asked[text] = time.perf_counter()
            self.socket.send(json.dumps({"echo": text}))

    @task
    def listen(self) -> None:
        try:
            message: dict[str, Any] = json.loads(self.socket.recv())
        except (OSError, ValueError, websocket.WebSocketException) as error:
            self.asking.kill()
            self.accounts.wrong.append(f"user {self.number} had {self.after}, and then: {error!r}")
            raise StopUser from error
        if "echo" in message:
            sent = self.asked.pop(message["echo"], None)
            if sent is None:
                self.accounts.wrong.append(f"user {self.number} never sent {message!r}")
            else:
                self.note("echo", sent)
            return
        self.after = self.accounts.check(self.number, self.after, [message])
        note_lag(message)
        if message["last"]:
            self.asking.kill()
            began = time.perf_counter()
            self.socket.close(timeout=PATIENCE)
            self.note("close", began)
            self.accounts.finished += 1
            raise StopUser

    def note(self, name: str, began: float) -> None:
        events.request.fire(
            request_type="WS",
            name=name,
            response_time=(time.perf_counter() - began) * 1000,
            response_length=0,
            exception=None,
            context={},
        )
