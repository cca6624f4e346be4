"""`run`: a server from the first line on the terminal to the last connection."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Iterable, Sequence
from typing import Any

from waterspout.httpserver._listeners import bind_places
from waterspout.httpserver._server import HTTPServer
from waterspout.httpserver._serving import Serving, signals_to
from waterspout.httpserver._settings import Hook, Order, Settings, describe, is_everywhere
from waterspout.httpserver._systemd import Notifier, activated_sockets
from waterspout.log import enable_pretty_logging, gen_log

__all__ = ["run"]


def run(
    app: Any,
    port: int | None = 8888,
    address: str | None = None,
    *,
    unix_socket: str | None = None,
    unix_socket_mode: int = 0o600,
    sockets: Iterable[socket.socket] | None = None,
    factory: bool = False,
    workers: int = 1,
    supervise: bool | None = None,
    reuse_port: bool | None = None,
    backlog: int = 4096,
    drain_deadline: float = 30.0,
    start_deadline: float = 60.0,
    on_start: Hook | None = None,
    on_stop: Hook | None = None,
    loop_factory: Any = None,
    tune_gc: bool = True,
    configure_logging: bool = True,
    **options: Any,
) -> None:
    """Serve *app* until SIGTERM or SIGINT (Ctrl-C), then drain, and return.

    *app* is what `HTTPServer` takes, or its import string ``"package.module:attribute"``; with *factory* it is called
    without arguments, and may be a coroutine function. An asynchronous context manager (`ASGIContainer`) is entered
    before serving and left after the drain. *on_start* and *on_stop* are called with the `HTTPServer` before it accepts
    and after it has drained, and may be coroutine functions. All of this happens on the loop of the serving process.

    *port* and *address* are as for ``netutil.bind_sockets``; *unix_socket* is a path beside or (``port=None``) in place
    of them, with the permissions *unix_socket_mode* (0o600: the same user; a proxy of another one needs more);
    *sockets* are listening ones, in place of all of these. Where the service manager has passed sockets (see
    `activated_sockets`) those are served and nothing is bound. With *ssl_options* and all other *options* of
    `HTTPServer`.

    *workers* above 1 (0: one for each processor) are forked, each with its own loop, below this process, which starts
    those again that die: at once, then with growing waits of up to 30 s; only if they cannot start at all it gives up.
    *supervise* makes it so for one worker too. *reuse_port* (default: on Linux) gives each worker a socket of its own.
    Log lines of several name their worker (``waterspout.log.set_worker``).

    * SIGTERM, SIGINT: drain for up to *drain_deadline* seconds, then let the application end; a second one cuts what is
      left at once, and one after the drain does not wait for the application.
    * SIGHUP with workers: each is replaced, when its successor accepts, and then drains; no request fails. An import
      string or a factory that imports gives the new code. If a new worker does not start, or does not accept
      within *start_deadline* seconds, the old ones go on. Without workers it is as SIGTERM.
    * SIGTERM to one worker: it drains, and another takes its place.

    systemd hears (``Type=notify``) READY, RELOADING, STOPPING and WATCHDOG. *tune_gc* freezes what exists when serving
    begins and makes full collections rare, which is most of the cost of many connections. *configure_logging* logs to
    the standard error at level INFO, unless the root logger has handlers. *loop_factory* is as for `IOLoop.run`.

    What is wrong with the arguments, the certificate or the port raises SystemExit with one line that says what;
    so does (with status 1) an application that cannot start, after its traceback in the log, or the text alone of an
    `ExplainedError` (a hub whose server is away).
    """
    if configure_logging and not logging.getLogger().handlers:
        enable_pretty_logging()
    if workers < 0 or not drain_deadline >= 0 or not start_deadline > 0:
        raise ValueError("workers and drain_deadline cannot be negative, nor start_deadline zero")
    if workers == 0:
        workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if supervise is None:
        supervise = workers > 1
    if workers > 1 and not supervise:
        raise ValueError("several workers need supervise=True")
    try:
        HTTPServer(_nobody, **options)  # what is wrong with the options is said once, before anything is forked
        activated = [sock for _, sock in activated_sockets()]
        given = activated or (list(sockets) if sockets is not None else None)
        if given is not None:
            places: Sequence[Sequence[socket.socket]] = [given] * workers
        else:
            places = bind_places(
                workers, port, address, unix_socket, unix_socket_mode, reuse_port=reuse_port, backlog=backlog
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SystemExit(
            f"cannot serve: {error.args[0] if isinstance(error, KeyError) else _message(error)}"
        ) from error
    if not places[0]:
        raise SystemExit("cannot serve: no port, UNIX socket or socket was given")
    settings = Settings(
        app=app,
        factory=factory,
        workers=workers,
        drain_deadline=drain_deadline,
        start_deadline=start_deadline,
        on_start=on_start,
        on_stop=on_stop,
        loop_factory=loop_factory,
        tune_gc=tune_gc,
        sockets_outlive=bool(activated),
        options=options,
    )
    notifier = Notifier()
    try:
        serve = _supervised if supervise else _alone
        status = serve(settings, places, notifier, "https" if options.get("ssl_options") is not None else "http")
    finally:
        notifier.close()
        for sock in {sock for place in places for sock in place}:
            sock.close()
    if status:
        raise SystemExit(status)


run.__module__ = "waterspout.httpserver"


def _nobody(request: object) -> None:
    """Stands for the application while the other options are checked."""


def _message(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error)) if isinstance(error, OSError) else str(error)


def _where(places: Sequence[Sequence[socket.socket]], scheme: str) -> str:
    sockets = [sock for place in places for sock in place]
    names = dict.fromkeys(map(describe, sockets))
    where = " ".join(name if name.startswith("unix:") else f"{scheme}://{name}" for name in names)
    return where + (" (on all addresses)" if any(map(is_everywhere, sockets)) else "")


def _supervised(settings: Settings, places: Sequence[Sequence[socket.socket]], notifier: Notifier, scheme: str) -> int:
    where = _where(places, scheme)

    def on_ready() -> None:
        gen_log.info("Serving %s with %d workers (pid %d)", where, settings.workers, os.getpid())
        notifier.ready(f"{settings.workers} workers on {where}")

    from waterspout.httpserver._supervisor import Supervisor  # only for several processes

    return Supervisor(settings, places, notifier, on_ready).run()


def _alone(settings: Settings, places: Sequence[Sequence[socket.socket]], notifier: Notifier, scheme: str) -> int:
    where = _where(places, scheme)

    def on_ready() -> None:
        gen_log.info("Serving %s (pid %d)", where, os.getpid())
        notifier.ready(where)

    def on_drain(order: Order) -> None:
        notifier.stopping()

    serving = Serving(settings, places[0], on_ready=on_ready, on_drain=on_drain)

    def prepare(loop: asyncio.AbstractEventLoop) -> None:
        signals_to(
            loop,
            serving.order,
            {
                signal.SIGTERM: Order.TERMINATE,
                signal.SIGINT: Order.INTERRUPT,
                **({signal.SIGHUP: Order.TERMINATE} if hasattr(signal, "SIGHUP") else {}),
            },
        )
        if notifier.watchdog is not None:
            _keep_alive(loop, notifier, notifier.watchdog / 3)

    return serving.run(prepare)


def _keep_alive(loop: asyncio.AbstractEventLoop, notifier: Notifier, interval: float) -> None:
    notifier.alive()
    loop.call_later(interval, _keep_alive, loop, notifier, interval)
