"""What an exchange holds, given back: its connection to the pool, its timers, its place in line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waterspout.httpclient._errors import Phase

if TYPE_CHECKING:
    from waterspout.http1 import ResponseHead
    from waterspout.httpclient._exchange import Exchange


def give_back_connection(exchange: Exchange, head: ResponseHead) -> None:
    """The response *head* is complete: the connection may serve others, if nothing is doubtful about it."""
    connection, exchange.connection = exchange.connection, None
    if connection is None:
        return
    connection.last_used = exchange.timing.first_byte
    exchange.stop_pace()
    upload, exchange.upload = exchange.upload, None
    clean = head.keep_alive and not exchange.closes and not connection.reader.held
    if exchange.waiting_for_continue:
        exchange.stop_patience()
        clean = False
    if upload is not None and not upload.done:
        upload.cancel()
        clean = False
    if clean and not (exchange.body and connection.stream.pending):
        connection.release()
    else:
        connection.close()


def drop_connection(exchange: Exchange) -> None:
    """Close the connection, whatever is still to come on it."""
    exchange.stop_pace()
    if exchange.patience is not None:
        exchange.stop_patience()
    upload, exchange.upload = exchange.upload, None
    if upload is not None:
        upload.cancel()
    connection, exchange.connection = exchange.connection, None
    if connection is not None:
        connection.close()


def let_go(exchange: Exchange) -> None:
    """Give back timers, connection and place in line; keep the slot."""
    if exchange.timer is not None:
        exchange.timer.cancel()
        exchange.timer = None
    if exchange.watched:
        exchange.client.deadlines.forget(exchange)
        exchange.watched = False
    if exchange.incoming is not None and exchange.incoming.delivery is not None:
        exchange.incoming.cancel()
    if exchange.connection is not None or exchange.patience is not None:
        drop_connection(exchange)
    elif exchange.phase is Phase.CONNECT:
        exchange.route.give_up(exchange)
