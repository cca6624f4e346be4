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
#: In the environment of a process that is started again and again: who starts it, and the port that was free.
KEPT_PORT = "WATERSPOUT_KEPT_PORT"
#: The same, whose terminal has the whole banner already.
SHOWN_BANNER = "WATERSPOUT_SHOWN_BANNER"


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
    _proxies(options)  # what is wrong with them is said before anything is started
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
    port = parsed.options.get("port", PORT)
    sockets = _bind(port or _kept_port(), parsed.options.get("address", ADDRESS))
    if not port:
        port = parsed.options["port"] = sockets[0].getsockname()[1]
        os.environ.setdefault(KEPT_PORT, f"{os.getpid()}:{port}")
    for sock in sockets:
        sock.close()
    sys.argv[1:] = ["-m", "waterspout", command, *_words(parsed.options), "--watch-files", "--", *parsed.operands]
    autoreload.main()
    return 0


def _words(options: dict[str, Any]) -> list[str]:
    """*options* as they are typed."""
    words = []
    for name, value in options.items():
        given = value if isinstance(value, list) else [value]
        words += [f"--{name}" if one is True else f"--{name}={one}" for one in given]
    return words


def _kept_port() -> int:
    """The port that was free when the supervisor of this process looked for one; 0 if it has not been asked."""
    supervisor, _, port = os.environ.get(KEPT_PORT, "").partition(":")
    if supervisor == str(os.getppid()):
        return int(port)
    os.environ.pop(KEPT_PORT, None)  # this is another program, started by the one that it was meant for
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
        if not watch:
            return await _load(target)
        if developing:
            return await _start_or_show(target)
        try:
            return await _load(target)
        except BaseException as error:
            _watch_culprits(target, error)
            raise

    def on_start(server: HTTPServer) -> None:
        if watch:
            from waterspout import autoreload

            autoreload.start(despite_errors=developing)
        if workers == 1:
            print(f"Again at {banner.partition(chr(10))[0]}" if watch and _banner_is_shown() else banner, flush=True)

    if workers != 1:
        print(banner, flush=True)
    run(
        make, factory=True, sockets=sockets, workers=workers, on_start=on_start, configure_logging=False,
        drain_deadline=DRAIN_DEVELOPING if developing else DRAIN, ssl_options=tls,
        **_proxies(options),
    )  # fmt: skip
    return 0


def _banner_is_shown() -> bool:
    """Whether a process before this one, of the same supervisor, has shown it; notes that this one does."""
    supervisor = str(os.getppid())
    shown = os.environ.get(SHOWN_BANNER) == supervisor
    os.environ[SHOWN_BANNER] = supervisor
    return shown


def _watch_culprits(target: str, error: BaseException) -> None:
    from waterspout import autoreload
    from waterspout.cli._failure import places_to_watch

    for place in places_to_watch(target, error):
        autoreload.watch(place)


async def _start_or_show(target: str) -> Any:
    """The application, started, or one that shows why there is none: mend the file, and look again."""
    from waterspout.cli._develop import switch_on
    from waterspout.cli._target import check_servable, load
    from waterspout.web import Application

    failed = "does not load"
    try:
        application = await load(target)
        check_servable(target, application)
        switch_on(application)
        if isinstance(application, Application):
            failed = "does not start"
            await application.startup()  # once only: whoever serves it finds it done
        return application
    except (Exception, SystemExit) as error:
        from waterspout.cli._failure import LoadFailure, application_that_shows
        from waterspout.log import app_log

        _watch_culprits(target, error)
        failure = LoadFailure(target, error, failed)
        app_log.error("%s\nThe browser shows more, and reloads when a file is mended", failure.lines)
        return application_that_shows(failure)


async def _load(target: str) -> Any:
    from waterspout.cli._target import check_servable, load

    try:
        application = await load(target)
        check_servable(target, application)
        return application
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
            _fail(f"{error.strerror}; --port 0 takes a free one")
        _fail(f"cannot listen on {address} port {port}: {error.strerror or error}")


def _tls(options: dict[str, Any]) -> dict[str, str] | None:
    files: dict[str, str] = {name: options[name] for name in ("certfile", "keyfile") if name in options}
    if "keyfile" in files and "certfile" not in files:
        _fail("--keyfile needs --certfile")
    for name, path in files.items():
        if not os.path.isfile(path):
            _fail(f"--{name}: there is no file {path!r}")
    return files or None


def _proxies(options: dict[str, Any]) -> dict[str, Any]:
    """The options of `HTTPServer` for a server behind proxies: who says that it is behind one names it, too."""
    trusted = options.get("trusted-proxy")
    if "proxy-headers" not in options:
        if trusted is not None:
            _fail("--trusted-proxy needs --proxy-headers: its word counts for nothing else")
        return {}
    if trusted is None:
        _fail(
            "--proxy-headers believes nobody who is not named: add --trusted-proxy with the proxy's address or network"
        )
    from waterspout.httpserver import HTTPServer

    chosen = {"xheaders": True, "trusted_downstream": trusted}
    try:
        HTTPServer(lambda request: None, **chosen)
    except ValueError as error:
        _fail(f"--trusted-proxy: {error}")
    return chosen


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
