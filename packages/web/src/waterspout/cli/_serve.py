"""``waterspout run`` and ``waterspout dev``: serve an application until told to stop."""

from __future__ import annotations

import errno
import logging
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from waterspout.cli._arguments import Parsed
from waterspout.cli._target import TargetError, split_target

if TYPE_CHECKING:
    import socket

__all__ = ["execute"]

PORT = 8888
ADDRESS = "127.0.0.1"
#: Seconds that requests get when the server is told to stop; who develops does not want to wait.
DRAIN = 30.0
DRAIN_DEVELOPING = 0.5


def execute(command: str, parsed: Parsed) -> int:
    """Serve; returns when that has ended in order. Raises SystemExit with a line that says what is wrong."""
    target, options = parsed.operands[0], parsed.options
    developing = command == "dev"
    try:
        split_target(target)
    except TargetError as error:
        _fail(str(error))
    workers = options.get("workers", 1)
    if workers < 0:
        _fail("--workers cannot be negative")
    reload = developing or options.get("reload", False)
    if reload and workers != 1:
        _fail("--reload and --workers do not go together: files are watched by the one process that serves")
    if reload and "watch-files" not in options:
        return _supervised(command, parsed)
    return _serve(target, developing, options, workers)


def _supervised(command: str, parsed: Parsed) -> int:
    """Have a process that starts again: `waterspout.autoreload` runs this same command line in one."""
    from waterspout import autoreload

    # What a change of a file will not mend is said before any file is watched.
    for sock in _bind(parsed.options.get("port", PORT), parsed.options.get("address", ADDRESS)):
        sock.close()
    words = [f"--{name}" if value is True else f"--{name}={value}" for name, value in parsed.options.items()]
    sys.argv[1:] = ["-m", "waterspout", command, *words, "--watch-files", "--", *parsed.operands]
    autoreload.main()
    return 0


def _serve(target: str, developing: bool, options: dict[str, Any], workers: int) -> int:
    from waterspout.httpserver import HTTPServer, run
    from waterspout.log import enable_pretty_logging, gen_log

    sockets = _bind(options.get("port", PORT), options.get("address", ADDRESS))
    tls = _tls(options)
    if not logging.getLogger().handlers:
        enable_pretty_logging()
    gen_log.addFilter(_says_more_than_the_banner)
    banner = _banner(sockets, "https" if tls else "http", developing, options.get("reload", False), workers)
    watch = "watch-files" in options

    async def make() -> Any:
        try:
            application = await _load(target)
        except BaseException as error:
            if watch:
                _watch_culprits(target, error)
            raise
        if developing:
            from waterspout.cli._develop import switch_on

            switch_on(application)
        return application

    def on_start(server: HTTPServer) -> None:
        if watch:
            from waterspout import autoreload

            autoreload.start()
        if workers == 1:
            print(banner, flush=True)

    if workers != 1:
        print(banner, flush=True)
    run(
        make, factory=True, sockets=sockets, workers=workers, on_start=on_start, configure_logging=False,
        drain_deadline=DRAIN_DEVELOPING if developing else DRAIN, ssl_options=tls,
    )  # fmt: skip
    return 0


def _watch_culprits(target: str, error: BaseException) -> None:
    """Have the files watched that could not be loaded: modules that are not loaded are not watched as such."""
    from traceback import walk_tb

    from waterspout import autoreload

    files = {frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__)}
    files.add(getattr(error, "filename", None) or target.partition(":")[0])
    for file in files:
        if os.path.isfile(file):
            autoreload.watch(file)


async def _load(target: str) -> Any:
    from waterspout.cli._target import load

    try:
        return await load(target)
    except TargetError as error:
        _fail(str(error))


def _bind(port: int, address: str) -> list[socket.socket]:
    from waterspout.netutil import bind_sockets

    if not 0 <= port <= 65535:
        _fail(f"--port {port} is no port: they go from 0 to 65535")
    try:
        return bind_sockets(port, address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            from waterspout.cli._holder import holder_of

            holder = holder_of(port)
            by = f": {holder} listens there" if holder else ""
            _fail(f"port {port} is in use{by}; --port 0 takes a free one")
        _fail(f"cannot listen on {address} port {port}: {error.strerror or error}")


def _tls(options: dict[str, Any]) -> dict[str, str] | None:
    files: dict[str, str] = {name: options[name] for name in ("certfile", "keyfile") if name in options}
    if "keyfile" in files and "certfile" not in files:
        _fail("--keyfile needs --certfile")
    for name, path in files.items():
        if not os.path.isfile(path):
            _fail(f"--{name}: there is no file {path!r}")
    return files or None


def _banner(sockets: list[socket.socket], scheme: str, developing: bool, reload: bool, workers: int) -> str:
    host, port = sockets[0].getsockname()[:2]
    shown = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, f"[{host}]" if ":" in host else host)
    if developing:
        mode = "development: errors are shown, files are watched, other hosts are refused"
    elif reload:
        mode = "production settings, starting again when a file changes"
    else:
        mode = "production settings, " + ("one process" if workers == 1 else f"{workers or 'as many'} worker processes")
        mode += "" if workers else " as there are processors"
    return f"{scheme}://{shown}:{port}/\n{mode}\nCtrl-C stops it"


def _says_more_than_the_banner(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Serving ")


def _fail(message: str) -> NoReturn:
    raise SystemExit(f"waterspout: {message}")
