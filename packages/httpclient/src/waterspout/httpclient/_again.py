"""Sending once more: after a redirect or challenge, by the request's policy, or because nothing has been done yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waterspout.httpclient._errors import Phase
from waterspout.httpclient._failures import closed_error
from waterspout.httpclient._giving_back import let_go
from waterspout.httpclient._preparation import write_head

if TYPE_CHECKING:
    from waterspout.http1 import ResponseHead
    from waterspout.httpclient._exchange import Exchange
    from waterspout.httpclient._following import Step

#: How often a request is sent again that a server has put back unprocessed.
MOST_UNPROCESSED = 10


def go_on(exchange: Exchange, step: Step, head: ResponseHead) -> None:
    """Do what the response *head*, which is not the answer yet, calls for."""
    exchange.keep_cookies(head)
    try:
        pause = step(exchange, head)
        write_head(exchange)
    except Exception as error:
        exchange.fail(error, final=True)
        return
    exchange.repeated = False
    restart(exchange, pause)


def restart(exchange: Exchange, pause: float) -> None:
    """Send the request, changed or not, as if for the first time, after *pause* seconds."""
    exchange.incoming = None
    exchange.first_byte = False
    client = exchange.client
    if client.is_closed:
        exchange.fail(closed_error(exchange, None), final=True)
        return
    if exchange.settings.connect_timeout:
        exchange.connect_until = client.time() + pause + exchange.settings.connect_timeout
    if pause:
        exchange.phase = Phase.PAUSE
        exchange.limit(exchange.total_until)
        exchange.patience = client.call_later(pause, lambda: _resume(exchange))
    else:
        exchange.acquire()


def _resume(exchange: Exchange) -> None:
    exchange.patience = None
    try:
        write_head(exchange)
    except Exception as error:
        exchange.fail(error, final=True)
    else:
        exchange.acquire()


def try_again(exchange: Exchange, error: BaseException) -> bool:
    """Begin a retry if the request's policy, the error and the time that is left allow one."""
    retries = exchange.retries
    if retries is None or (exchange.incoming is not None and exchange.incoming.delivery is not None):
        return False
    pause = retries.pause_after_error(error, exchange.tried, exchange.may_be_repeated())
    if pause is None or exchange.client.is_closed or exchange.client.time() + pause >= exchange.total_until:
        return False
    exchange.tried += 1
    let_go(exchange)
    exchange.repeated = False
    restart(exchange, pause)
    return True


def put_back(exchange: Exchange) -> None:
    """The server promises that it has done nothing about the request (RFC 9113, 8.7): send it again."""
    exchange.connection = None
    exchange.stop_pace()
    if exchange.answer is None:
        return
    if exchange.upload is not None or exchange.first_byte or exchange.tried >= MOST_UNPROCESSED:
        exchange.fail(closed_error(exchange, None))
        return
    exchange.tried += 1
    restart(exchange, 0.0)
