"""A page of somebody else that reaches for a server on this machine: by its address, and by DNS rebinding."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from conftest import Page

pytestmark = pytest.mark.browser

ATTACK = b"""<!doctype html><title>attack</title><link rel="icon" href="data:,"><script>
async function attack(url) {
  try {
    const response = await fetch(url);
    document.title = response.status + " " + await response.text();
  } catch (error) {
    document.title = "blocked";
  }
}
</script>"""
OUTCOME = "return document.title !== 'attack' && document.title"


class Attacker(ThreadingHTTPServer):
    """Serves the attack at ``/``. Everything else it hands to the victim, Host and all.

    That is what the browser meets once the attacker's name has been bound to the victim's address: the same origin,
    another server.
    """

    victim: tuple[str, int]


class AttackHandler(BaseHTTPRequestHandler):
    server: Attacker

    def do_GET(self) -> None:
        if self.path == "/":
            status, body = 200, ATTACK
        else:
            connection = http.client.HTTPConnection(*self.server.victim, timeout=30)
            connection.request("GET", self.path, headers=dict(self.headers.items()))
            response = connection.getresponse()
            status, body = response.status, response.read()
            connection.close()
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def attacker() -> Iterator[Attacker]:
    with Attacker(("127.0.0.1", 0), AttackHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A browser for which every name leads to this machine."""
    return new_page("--host-resolver-rules=MAP *.example 127.0.0.1")


def test_name_that_is_not_ours_is_refused_in_development(page: Page, serve: Callable[[str], str]) -> None:
    url = serve("dev")
    page.open(url.replace("127.0.0.1", "attacker.example") + "secret")
    assert "the secret" not in page.run("return document.body.innerText")
    assert page.run("return performance.getEntriesByType('navigation')[0].responseStatus") == 421
    for name in ("127.0.0.1", "localhost"):
        page.open(url.replace("127.0.0.1", name) + "secret")
        assert page.run("return document.body.innerText") == "the secret of this machine"


def test_the_page_of_a_refusal_does_not_load_itself_again(page: Page, serve: Callable[[str], str]) -> None:
    page.open(serve("dev").replace("127.0.0.1", "attacker.example") + "secret")
    page.run("window.stayed = true")
    # It asks in vain whether the application has been started again, once a second.
    page.wait_for("return performance.getEntriesByType('resource').length > 1")
    assert page.run("return window.stayed") is True


@pytest.mark.parametrize(("command", "outcome"), [("run", "200 the secret of this machine"), ("dev", "421 ")])
def test_rebinding_reads_a_server_that_takes_any_name_and_not_one_in_development(
    page: Page, serve: Callable[[str], str], attacker: Attacker, command: str, outcome: str
) -> None:
    parts = urlsplit(serve(command))
    attacker.victim = (str(parts.hostname), int(parts.port or 0))
    page.open(f"http://rebound.example:{attacker.server_port}/")
    page.run("attack('/secret')")
    assert page.wait_for(OUTCOME).startswith(outcome)


def test_other_origin_cannot_read_by_the_address_itself(
    page: Page, serve: Callable[[str], str], attacker: Attacker
) -> None:
    url = serve("dev")
    page.open(f"http://attacker.example:{attacker.server_port}/")
    page.run("attack(arguments[0])", url + "secret")
    assert page.wait_for(OUTCOME) == "blocked"
