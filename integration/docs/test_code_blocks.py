"""Every code block of docs/ and of the READMEs is what it says: programs run, files are saved, commands print what
stands below them.

A page is one folder that its blocks fill from top to bottom. A comment above a block says what becomes of it:

    <!-- save: app.py -->       the block is a file of that name (any language)
    <!-- serve -->              a program or command that keeps running; the next block waits until port 8888 answers
    <!-- serve: 8001 -->        the same for another port, or for a UNIX socket in the folder
    <!-- as in: chat.md -->     what that page saves and this one does not
    <!-- needs: PROGRAMS -->    the page is run where other programs are (`pytest -m peers`)
    <!-- part -->               a piece of a program, in a README: it must be Python, and what it imports must be there
    <!-- not run: REASON -->    counted below, and nothing else

A ``python`` block without a comment is a program that ends well. In a ``console`` block the lines behind ``$`` are
commands, and what follows is their whole output (``...`` stands for anything). Ports 8888 and 8001 become free ones.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLES = DOCS.parent / "examples"
ROOT = DOCS.parent
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]
READMES = [ROOT / "README.md", *sorted(ROOT.glob("packages/*/README.md"))]
PORTS = ("8888", "8001")
PATIENCE = 60.0  # seconds for a command, on a machine that has much else to do
#: Languages of what is shown and neither saved nor run.
SHOWN = ("", "text", "nginx", "ini", "dockerfile")
#: What no test machine has: root's systemd, a registry, other people's keys. A new one is a decision, so it is counted.
NOT_RUN = 5


@dataclass
class Block:
    language: str
    text: str
    line: int
    order: str  # the comment above it, or ""

    @property
    def place(self) -> str:
        """Where it serves, or ""."""
        return self.order.partition(": ")[2] or "8888" if self.order.startswith("serve") else ""


def blocks(page: Path) -> Iterator[Block]:
    order, lines = "", iter(enumerate(page.read_text(encoding="utf-8").splitlines(), 1))
    for number, line in lines:
        if comment := re.fullmatch(r"\s*<!-- (save: \S+|serve(: \S+)?|part|not run: .+) -->", line):
            order = comment[1]
        elif comment := re.fullmatch(r"<!-- (as in: \S+) -->", line):
            yield Block("", "", number, comment[1])
        elif fence := re.match(r"( *)(`{3,})(\S*)", line):
            body: list[str] = []
            for _, inner in lines:
                if inner.strip() == fence[2]:
                    break
                body.append(inner.removeprefix(fence[1]))
            if not fence[3].startswith("{"):  # a directive of Sphinx
                yield Block(fence[3], "\n".join(body) + "\n", number, order)
            order = ""
        elif line.strip():
            order = ""


class Session:
    """One page: its folder, its port, the program that serves at the moment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in PORTS]
            self.ports = {port: str(sock.getsockname()[1]) for port, sock in zip(PORTS, sockets, strict=True)}
        self.servers: dict[str, subprocess.Popen[str]] = {}
        self.saved: set[str] = set()
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin"])
        self.environment = {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONPATH": ""}
        self.environment.pop("PYTEST_CURRENT_TEST", None)

    def own(self, text: str) -> str:
        for port, free in self.ports.items():
            text = text.replace(port, free)
        return text

    def output(self, place: str) -> Path:
        return self.folder / f".output-{place}"

    def save(self, name: str, text: str) -> None:
        self.saved.add(name)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.own(text), encoding="utf-8")

    def run(self, command: str) -> str:
        process = subprocess.run(
            ["bash", "-c", self.own(command)],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
        )
        assert process.returncode == 0, f"{command}\n{process.stdout}\n{self.served()}"
        output = process.stdout
        for port, free in self.ports.items():
            output = output.replace(free, port)
        return output

    def served(self) -> str:
        """What the servers have written, for the message of a failure."""
        return "".join(f"{place} wrote:\n{self.output(place).read_text()}" for place in self.servers)

    def listens(self, place: str) -> bool:
        port = self.ports.get(place)
        family, address = (
            (socket.AF_INET, ("127.0.0.1", int(port))) if port else (socket.AF_UNIX, str(self.folder / place))
        )
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            probe.settimeout(5)
            probe.connect(address)
            return True
        return False

    def serve(self, command: str, place: str) -> None:
        self.stop(place)
        with self.output(place).open("w") as output:
            server = self.servers[place] = subprocess.Popen(
                ["bash", "-c", self.own(command)],
                cwd=self.folder,
                env=self.environment,
                text=True,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        limit = time.monotonic() + PATIENCE
        while not self.listens(place):
            assert server.poll() is None, self.output(place).read_text()
            assert time.monotonic() < limit, f"{command} does not listen: {self.output(place).read_text()}"
            time.sleep(0.05)

    def stop(self, place: str) -> None:
        """End a server as Ctrl-C does; what it wrote must hold no fault."""
        server = self.servers.pop(place, None)
        if server is None:
            return
        try:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGINT)
            server.wait(PATIENCE)
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait(PATIENCE)
        # asyncio.run() ends a program at Ctrl-C with a KeyboardInterrupt; anything else is a fault
        written = self.output(place).read_text()
        assert not re.search(r"^\w*(Error|Exception)\b", written, re.MULTILINE), written

    def stop_all(self) -> None:
        """The last started first: it uses the others."""
        with contextlib.ExitStack() as stack:
            for place in self.servers:
                stack.callback(self.stop, place)


def check_console(session: Session, block: Block) -> None:
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        while command.endswith("\\"):
            more, _, expected = expected.partition("\n")
            command = f"{command}\n{more}"
        if block.place:
            session.serve(command, block.place)
            continue
        output = session.run(command)
        if expected.strip():
            pattern = ".*".join(re.escape(piece.strip()) for piece in expected.split("..."))
            assert re.fullmatch(pattern, output.strip(), re.DOTALL), f"$ {command}\n{output}\n{session.served()}"


def check_part(block: Block) -> None:
    assert block.language == "python", block.language
    tree = compile(block.text, "part", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            module = importlib.import_module(node.module)
            missing = [name.name for name in node.names if not hasattr(module, name.name)]
            assert all(importlib.util.find_spec(f"{node.module}.{name}") for name in missing), missing


def check(session: Session, page: Path, block: Block) -> None:
    if block.order.startswith("not run: "):
        return
    if block.order == "part":
        check_part(block)
    elif block.order.startswith("save: "):
        session.save(block.order.removeprefix("save: "), block.text)
    elif block.order.startswith("as in: "):
        for other in blocks(page.parent / block.order.removeprefix("as in: ")):
            name = other.order.removeprefix("save: ")
            if name != other.order and name not in session.saved:
                session.save(name, other.text)
    elif block.language == "python":
        session.save("program.py", block.text)
        if block.place:
            session.serve("python program.py", block.place)
        else:
            session.run("python program.py")
    elif block.language == "console":
        check_console(session, block)
    else:
        assert block.language in SHOWN, block.language


def parameter(page: Path) -> Any:
    text = page.read_text(encoding="utf-8")
    marks: list[pytest.MarkDecorator] = []
    if re.search("^<!-- needs: .+ -->$", text, re.MULTILINE):
        marks.append(pytest.mark.peers)
    if re.search(r"^\$ .*\bcurl\b", text, re.MULTILINE) and shutil.which("curl") is None:
        marks.append(pytest.mark.skip(reason="curl is not installed: apt-get install curl"))
    return pytest.param(page, id=str(page.relative_to(DOCS if page.is_relative_to(DOCS) else ROOT)), marks=marks)


@pytest.mark.parametrize("page", [parameter(page) for page in PAGES + READMES])
def test_the_code_of_a_page_works(page: Path, tmp_path: Path) -> None:
    session = Session(tmp_path)
    (tmp_path / "examples").symlink_to(EXAMPLES)
    try:
        for block in blocks(page):
            try:
                check(session, page, block)
            except Exception as error:
                error.add_note(f"{page}:{block.line}")
                raise
    finally:
        session.stop_all()


@pytest.mark.parametrize(
    "text",
    [
        "```python\nraise ValueError('wrong')\n```",
        "```console\n$ echo one\ntwo\n```",
        "<!-- part -->\n```python\nfrom waterspout.web import Nobody\n```",
        "```console\n$ false\n```",
        "<!-- serve -->\n```console\n$ false\n```",
        "<!-- save: a.txt -->\n```text\nsaved\n```\n\n```console\n$ cat a.txt\nlost\n```",
    ],
)
def test_a_page_that_is_wrong_fails(text: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(AssertionError):
        test_the_code_of_a_page_works(page, tmp_path)


def test_what_is_not_run_is_counted() -> None:
    pages = PAGES + READMES
    found = [(page.name, block.line) for page in pages for block in blocks(page) if block.order.startswith("not run")]
    assert len(found) == NOT_RUN, found


def test_a_reader_sees_which_file_a_block_is() -> None:
    """The comment that says it to the test is not shown: the text above it must."""
    unsaid = []
    for page in PAGES + READMES:
        text = page.read_text(encoding="utf-8")
        for found in re.finditer(r"^ *<!-- save: (\S+) -->$", text, re.MULTILINE):
            above = text[: found.start()].rstrip().rpartition("\n\n")[2]
            if found[1] not in above:
                unsaid.append(f"{page}: {found[1]}")
    assert unsaid == []


def test_every_page_is_in_a_table_of_contents() -> None:
    listed = {
        (page.parent / f"{entry}.md").resolve()
        for page in PAGES
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        for entry in re.findall(r"^(?!:)(\S+)$", tree, re.MULTILINE)
    }
    assert [page for page in PAGES if page not in listed and page != DOCS / "index.md"] == []
