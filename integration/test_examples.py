"""The examples, started as their README says and asked by other people's clients: httpx, curl, and a bare socket."""

from __future__ import annotations

import contextlib
import errno
import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
STORIES = EXAMPLES / "stories" / "app.py"
CHAT = EXAMPLES / "chat" / "app.py"
SIGNIN = EXAMPLES / "signin" / "app.py"
WAIT_SECONDS = 10.0
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # httpx's own reads all certificates for each client: 50 ms


class Example:
    """A running example: its base URL, what it printed until then, and a client."""

    def __init__(self, script: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(script), *(arguments or ("--port", "0"))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.printed: list[str] = []
        # The last line that an example prints tells how to stop it.
        while not self.printed or "Ctrl-C" not in self.printed[-1]:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"{script.name} ended: {self.process.communicate(timeout=10)}")
            self.printed.append(line.rstrip("\n"))
        found = re.search(r"http://\S+/", self.printed[0])
        assert found, self.printed
        self.url = found[0]
        self.client = httpx.Client(base_url=self.url, timeout=WAIT_SECONDS, trust_env=False, verify=NO_TLS)

    @property
    def address(self) -> tuple[str, int]:
        url = httpx.URL(self.url)
        return url.host, url.port or 80

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """Its exit code, and what it wrote after its first lines to output and error."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode, output, errors


@contextlib.contextmanager
def starting() -> Iterator[Callable[..., Example]]:
    running: list[Example] = []

    def start_example(script: Path, *arguments: str) -> Example:
        running.append(Example(script, *arguments))
        return running[-1]

    try:
        yield start_example
    finally:
        for example in running:
            example.stop(signal.SIGKILL)


@pytest.fixture
def start() -> Iterator[Callable[..., Example]]:
    with starting() as start_example:
        yield start_example


@pytest.fixture(scope="module")
def stories() -> Iterator[Example]:
    """One for all: it keeps nothing of its clients."""
    with starting() as start_example:
        yield start_example(STORIES)


@pytest.fixture(scope="module")
def empty_chat() -> Iterator[Example]:
    """One for all tests that leave nothing in its room."""
    with starting() as start_example:
        yield start_example(CHAT)


@pytest.fixture
def chat(start: Callable[..., Example]) -> Example:
    return start(CHAT)


def wait_for_waiting(chat: Example, count: int) -> None:
    limit = time.monotonic() + WAIT_SECONDS
    while (room := chat.client.get("/a/room").json())["waiting"] != count:
        assert time.monotonic() < limit, f"{room} instead of {count} waiting"
        time.sleep(0.005)


def poll_by_socket(chat: Example, cursor: int = 0) -> socket.socket:
    """A connection on which a poll has been sent and nothing been read."""
    body = json.dumps({"cursor": cursor}).encode()
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    head = f"POST /a/message/updates HTTP/1.1\r\nHost: chat\r\n{kind}\r\n"
    connection = socket.create_connection(chat.address, timeout=WAIT_SECONDS)
    connection.sendall(head.encode() + body)
    return connection


def say(chat: Example, name: str, text: str) -> httpx.Response:
    return chat.client.post("/a/message/new", json={"name": name, "text": text})


def test_stories_main_page_links_to_the_story(stories: Example) -> None:
    page = stories.client.get("/")
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=UTF-8"
    link = re.fullmatch(r'<a href="([^"]+)">link to story 1</a>', page.text)
    assert link and link[1] == "/story/1"
    assert stories.client.get(link[1]).text == "this is story 1"


@pytest.mark.parametrize("path", ["/story/99", "/story/one", "/story/", "/nowhere"])
def test_stories_answers_404_for_what_is_not_there(stories: Example, path: str) -> None:
    assert stories.client.get(path).status_code == 404


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed: apt-get install curl")
def test_stories_by_curl_over_one_connection(stories: Example) -> None:
    command = [
        "curl",
        "-sS",
        "--noproxy",
        "*",
        "-w",
        "[%{http_code} %{num_connects}]",
        stories.url,
        stories.url + "story/1",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS)
    assert (done.stdout, done.stderr) == ('<a href="/story/1">link to story 1</a>[200 1]this is story 1[200 0]', "")


def test_message_reaches_a_poll_that_waits(chat: Example) -> None:
    answers: list[httpx.Response] = []
    poll = threading.Thread(
        target=lambda: answers.append(
            httpx.post(
                chat.url + "a/message/updates",
                json={"cursor": 0},
                timeout=WAIT_SECONDS,
                trust_env=False,
                verify=NO_TLS,
            )
        )
    )
    poll.start()
    wait_for_waiting(chat, 1)
    sent = say(chat, "Ada", "hello")
    poll.join(WAIT_SECONDS)
    assert sent.status_code == 200
    assert answers[0].json() == {"messages": [sent.json()]}
    assert (sent.json()["id"], sent.json()["name"], sent.json()["text"]) == (1, "Ada", "hello")
    assert chat.client.get("/a/room").json() == {"waiting": 0, "messages": 1}


def test_poll_with_a_cursor_gets_only_what_came_after_it(chat: Example) -> None:
    for text in ("one", "two", "three"):
        say(chat, "Ada", text)
    texts = {
        cursor: [
            message["text"]
            for message in chat.client.post("/a/message/updates", json={"cursor": cursor}).json()["messages"]
        ]
        for cursor in (0, 2, 99)
    }
    # A number that was never given out is from before a restart: everything is new then.
    assert texts == {0: ["one", "two", "three"], 2: ["three"], 99: ["one", "two", "three"]}


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_dropped_poll_leaves_no_waiter_and_no_traceback(chat: Example, reset: bool) -> None:
    polls = [poll_by_socket(chat) for _ in range(20)]
    wait_for_waiting(chat, 20)
    for connection in polls[:15]:
        if reset:
            # Lingering for zero seconds makes close() send a reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.close()
    wait_for_waiting(chat, 5)
    assert say(chat, "Ada", "still there?").status_code == 200
    for connection in polls[15:]:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.close()
    wait_for_waiting(chat, 0)
    assert chat.stop() == (0, "", "")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed: apt-get install curl")
def test_poll_that_curl_gives_up_leaves_no_waiter(chat: Example) -> None:
    command = [
        "curl",
        "-sS",
        "--noproxy",
        "*",
        "--max-time",
        "0.3",
        "--json",
        '{"cursor": 0}',
        chat.url + "a/message/updates",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS)
    assert done.returncode == 28  # the operation timed out
    wait_for_waiting(chat, 0)
    say(chat, "Ada", "hello")
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS)
    assert [message["text"] for message in json.loads(done.stdout)["messages"]] == ["hello"]
    assert chat.stop() == (0, "", "")


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        ('{"name": "Ada", "text": "hi"}', "text/plain", 415),
        ("not json", "application/json", 400),
        ("[1]", "application/json", 400),
        ('{"name": "Ada"}', "application/json", 400),
        ('{"name": "Ada", "text": "   "}', "application/json", 400),
        ('{"name": "Ada", "text": 7}', "application/json", 400),
        (json.dumps({"name": "A" * 41, "text": "hi"}), "application/json", 400),
        (json.dumps({"name": "Ada", "text": "x" * 2001}), "application/json", 400),
        (json.dumps({"name": "Ada", "text": "hi", "key": "\ud800"}), "application/json", 400),
    ],
)
def test_bad_message_is_refused_and_not_kept(empty_chat: Example, content: str, content_type: str, status: int) -> None:
    answer = empty_chat.client.post("/a/message/new", content=content, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert empty_chat.client.get("/a/room").json()["messages"] == 0


def test_longest_message_is_kept(chat: Example) -> None:
    assert say(chat, "A" * 40, "x" * 2000).status_code == 200


def test_chat_page_needs_nothing_from_elsewhere(empty_chat: Example) -> None:
    page = empty_chat.client.get("/")
    assert page.status_code == 200
    assert (
        "connect" not in page.headers["Content-Security-Policy"]
        and "default-src 'self'" in page.headers["Content-Security-Policy"]
    )
    outside = re.findall(r"(?:src|href|url\()=?[\"']?(https?:)?//", page.text)
    assert not outside


@pytest.mark.parametrize(("script", "lines"), [(STORIES, 1), (CHAT, 3), (SIGNIN, 2)], ids=["stories", "chat", "signin"])
def test_example_prints_its_url_and_ends_quietly_on_ctrl_c(
    start: Callable[..., Example], script: Path, lines: int
) -> None:
    example = start(script)
    assert len(example.printed) == lines
    assert example.client.get("/").status_code == 200
    assert example.stop() == (0, "", "")


def test_ctrl_c_answers_the_polls_that_wait(chat: Example) -> None:
    with poll_by_socket(chat) as connection:
        wait_for_waiting(chat, 1)
        assert chat.stop() == (0, "", "")
        try:
            answer = connection.recv(65536)
        except ConnectionResetError:
            answer = b""
        # Answered or closed: not left open.
        assert answer == b"" or answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("script", [STORIES, CHAT, SIGNIN], ids=["stories", "chat", "signin"])
def test_port_in_use_is_one_line_that_names_the_port(script: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, str(script), "--port", str(port)], capture_output=True, text=True, timeout=WAIT_SECONDS
        )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1 and str(port) in done.stderr and "Traceback" not in done.stderr


def test_port_that_is_asked_for_is_the_one(start: Callable[..., Example]) -> None:
    for _ in range(5):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        try:
            example = start(CHAT, "--port", str(port))
        except RuntimeError as error:
            if f"Port {port} is in use" not in str(error):  # somebody else was quicker
                raise
        else:
            assert example.url == f"http://127.0.0.1:{port}/"
            return
    raise OSError(errno.EADDRINUSE, "no port stayed free")
