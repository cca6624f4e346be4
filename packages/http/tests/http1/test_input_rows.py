"""Raw requests and what they must get, by the ids of the input table: `statuses` are those a server may answer.

A status of 200 means that the codec reads the request; what the application makes of it is its own business. Each row
goes in whole; rows up to 2 KB also byte by byte and split at every position, longer ones split at random positions.
"""

# ruff: noqa: E501

from __future__ import annotations

import random
from typing import NamedTuple

import pytest

from waterspout.http1 import Data, EndOfMessage, Reading, RequestReader
from waterspout.httputil import HTTPInputError, HTTPServerRequest


class Row(NamedTuple):
    """One raw input."""

    id: str
    raw: bytes
    statuses: tuple[int, ...]


ROWS = [
    # Request line
    Row("RL1", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    Row("RL2", b"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    Row("RL3", b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    Row("RL4", b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", (400,)),
    Row("RL5", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", (400, 505)),
    Row("RL6", b"GET / http/1.1\r\nHost: a\r\n\r\n", (400,)),
    Row("RL7", b"GET / HTTP/1.01\r\nHost: a\r\n\r\n", (400,)),
    Row("RL8", b"GET /\r\n\r\n", (400,)),
    Row("RL9", b"GET /\x00x HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    Row("RL10", b"GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    Row("RL11", b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    Row("RL12", b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    Row("RL13", b"GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    Row("RL14", b"get / HTTP/1.1\r\nHost: a\r\n\r\n", (200, 405, 501)),
    Row("RL15", b"GET a/b HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    Row("RL16", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    Row("RL17", b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", (200,)),
    Row("RL18", b"TRACE / HTTP/1.1\r\nHost: a\r\nCookie: s=1\r\n\r\n", (200,)),
    Row("RL19", b"GET /a#frag HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    Row("RL20", b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", (414,)),
    Row("RL21", b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", (200,)),
    Row("RL22", b"GET / HTTP/1.1\nHost: a\n\n", (400,)),
    Row("RL23", b"GET / HTTP/1.1\rHost: a\r\r", (400,)),
    Row("RL24", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
    Row("RL25", b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03_" + b"\x00" * 64, (400,)),
    Row("RL26", b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    Row("RL27", b"GET http://evil.example/x HTTP/1.1\r\nHost: a\r\n\r\n", (200,)),
    Row("RL28", b"GET / HTTP/1.1\x0b\r\nHost: a\r\n\r\n", (400,)),
    Row("RL29", b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    Row("RL30", b"GET / HTTP/1.1\r\n\r\n", (400,)),
    # Headers
    Row("HD1", b"GET / HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n", (400,)),
    Row("HD2", b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", (400,)),
    Row("HD3", b"GET / HTTP/1.1\r\nHost: a\r\nNoColon\r\n\r\n", (400,)),
    Row("HD4", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n", (400,)),
    Row("HD5", b"GET / HTTP/1.1\r\n X-A: b\r\nHost: a\r\n\r\n", (400,)),
    Row("HD6", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\x00c\r\n\r\n", (400,)),
    Row("HD7", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rc\r\n\r\n", (400,)),
    Row("HD8", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\nX-B: c\r\n\r\n", (400,)),
    Row("HD9", b"GET / HTTP/1.1\r\nHost: a\r\nX-\xf6: b\r\n\r\n", (400,)),
    Row("HD10", b"GET / HTTP/1.1\r\nHost: a\r\nX(A: b\r\n\r\n", (400,)),
    Row("HD11", b"GET / HTTP/1.1\r\nHost: a\r\nX\tA: b\r\n\r\n", (400,)),
    Row("HD12", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\x7f\r\n\r\n", (400,)),
    Row("HD13", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 70000 + b"\r\n\r\n", (431,)),
    Row("HD14", b"GET / HTTP/1.1\r\nHost: a" + b"\r\na: b" * 8000 + b"\r\n\r\n", (431,)),
    Row("HD15", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: \xe9\r\n\r\n", (200,)),
    Row("HD16", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\x0bc\r\n\r\n", (400,)),
    Row(
        "HD17",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
        (400,),
    ),
    Row("HD18", b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 0\r\n\r\n", (200, 417)),
    Row("HD19", b"GET / HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n", (400,)),
    Row("HD20", b"GET / HTTP/1.1\r\nHost: a\r\n\x00X: b\r\n\r\n", (400,)),
    Row("HD21", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n", (200,)),
    Row("HD22", b"GET / HTTP/1.1\r\nHost: a\r\nX-A:\r\n\r\n", (200,)),
    # Host
    Row("HO1", b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", (400,)),
    Row("HO2", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", (400,)),
    Row("HO3", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", (400,)),
    Row("HO4", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", (400,)),
    Row("HO5", b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", (400,)),
    Row("HO6", b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", (400,)),
    Row("HO7", b"GET / HTTP/1.1\r\nHost: a?x=1\r\n\r\n", (400,)),
    Row("HO8", b"GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", (400,)),
    Row("HO9", b"GET / HTTP/1.1\r\nHost: a:0x50\r\n\r\n", (400,)),
    Row("HO10", b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", (400,)),
    Row("HO11", b"GET / HTTP/1.1\r\nHost: a\b\r\n\r\n", (400,)),
    Row("HO12", b"GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", (400,)),
    Row("HO13", b"GET / HTTP/1.1\r\nHost: <x>\r\n\r\n", (400,)),
    Row("HO14", b"GET / HTTP/1.1\r\nHost: a:80:90\r\n\r\n", (400,)),
    Row("HO15", b"GET / HTTP/1.0\r\n\r\n", (200,)),
    Row("HO16", b"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", (200,)),
    Row("HO17", b"GET / HTTP/1.1\r\nHost:\r\n\r\n", (400,)),
    # Framing (CL/TE)
    Row(
        "FR1",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        (400,),
    ),
    Row(
        "FR2",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 15\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (400,),
    ),
    Row("FR3", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", (400,)),
    Row("FR4", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", (400,)),
    Row("FR5", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", (400,)),
    Row("FR6", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello!", (400,)),
    Row("FR7", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", (400,)),
    Row("FR8", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -0\r\n\r\n", (400,)),
    Row("FR9", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello", (400,)),
    Row("FR10", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello", (400,)),
    Row("FR11", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\nhelloworld", (400,)),
    Row("FR12", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\nhello", (400,)),
    Row("FR13", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", (400,)),
    Row("FR14", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \xd9\xa5\r\n\r\nhello", (400,)),
    Row("FR15", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1e1\r\n\r\nhelloworld", (400,)),
    Row("FR16", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\nhello", (400,)),
    Row("FR17", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5;x\r\n\r\nhello", (400,)),
    Row(
        "FR18",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
        (
            413,
            400,
        ),
    ),
    Row(
        "FR19",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nhello",
        (
            413,
            400,
        ),
    ),
    Row("FR20", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\x0b\r\n\r\nhello", (400,)),
    Row("FR21", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\xa0\r\n\r\nhello", (400,)),
    Row("FR22", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \x005\r\n\r\nhello", (400,)),
    Row("FR23", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nhello", (200, 400)),
    Row(
        "FR24",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            501,
        ),
    ),
    Row(
        "FR25",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            501,
        ),
    ),
    Row(
        "FR26",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            501,
        ),
    ),
    Row(
        "FR27",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            501,
        ),
    ),
    Row(
        "FR28",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            501,
        ),
    ),
    Row(
        "FR29",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            501,
        ),
    ),
    Row(
        "FR30",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            501,
        ),
    ),
    Row(
        "FR31",
        b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "chunked"\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
        (
            400,
            501,
        ),
    ),
    Row(
        "FR32",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            501,
        ),
    ),
    Row(
        "FR33",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            501,
        ),
    ),
    Row(
        "FR34",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \xa0chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            501,
        ),
    ),
    Row(
        "FR35",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x00\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            501,
        ),
    ),
    Row(
        "FR36",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunk ed\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            501,
        ),
    ),
    Row(
        "FR37",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            501,
        ),
    ),
    Row(
        "FR38",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked foo\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            501,
        ),
    ),
    Row(
        "FR39",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (400,),
    ),
    Row(
        "FR40",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        (400,),
    ),
    Row("FR41", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", (400,)),
    Row("FR42", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", (400,)),
    Row(
        "FR43", b"POST / HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", (400,)
    ),
    Row(
        "FR44", b"POST / HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", (400,)
    ),
    Row("FR45", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n", (200,)),
    Row("FR46", b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", (400,)),
    Row("FR47", b"POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n", (200,)),
    Row(
        "FR48",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        (200, 200),
    ),
    Row(
        "FR49",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        (200, 200),
    ),
    # Chunked
    Row(
        "CH1",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH2",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH3",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH4",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH5",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH6",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0_5\r\nhello\r\n0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH7",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH8",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH9",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\rhello\r\n0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH10",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH11",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH12",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH13",
        b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a="x\ry"\r\nhello\r\n0\r\n\r\n',
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH14",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH15",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\x00\r\nhello\r\n0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH16",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;"
        + b"a" * 100000
        + b"\r\nhello\r\n0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH17",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF1\r\nhello\r\n0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH18",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\ng\r\nhello\r\n0\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH19",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH20",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nNoColon\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH21",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX : y\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH22",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: a\x00\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH23",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0"
        + b"\r\nX-T: v" * 20000
        + b"\r\n\r\n",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH24",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\nX",
        (
            400,
            413,
            431,
        ),
    ),
    Row(
        "CH25", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\n\r\n", (200,)
    ),
    Row(
        "CH26",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: v\r\n\r\n",
        (200,),
    ),
    Row(
        "CH27",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nContent-Length: 3\r\nHost: evil\r\n\r\n",
        (200, 400),
    ),
    Row(
        "CH28",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + b"\r\n1\r\nh" * 20000 + b"\r\n0\r\n\r\n",
        (200,),
    ),
]


def read_all(pieces: list[bytes]) -> list[object]:
    """What a reader makes of *pieces*: methods, targets, bodies; an int at the end is the status of a refusal."""
    reader = RequestReader()
    log: list[object] = []
    try:
        for piece in pieces:
            data = piece
            while True:
                events = reader.receive(data)
                data = b""
                for event in events:
                    if isinstance(event, HTTPServerRequest):
                        log.append((event.method, event.uri, event.host))
                        if event.complete:
                            log += [event.body, "end"]
                    elif isinstance(event, Data):
                        if isinstance(log[-1], bytes):
                            log[-1] += event.data
                        else:
                            log.append(event.data)
                    elif isinstance(event, EndOfMessage):
                        if not isinstance(log[-1], bytes):
                            log.append(b"")
                        log.append("end")
                if not events or not reader.held:
                    break
        reader.receive_eof()
    except HTTPInputError as error:
        assert reader.state is Reading.CLOSED
        # How much of the content was handed on before it broke depends on how it arrived.
        log = [entry for entry in log if not isinstance(entry, bytes) or "end" in log]
        log.append(error.status)
    return log


def statuses(log: list[object]) -> list[int]:
    return [200 for entry in log if entry == "end"] + [entry for entry in log if isinstance(entry, int)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_row_whole(row: Row) -> None:
    got = statuses(read_all([row.raw]))
    if row.id in ("FR48", "FR49", "FR47"):
        assert set(got) == {200}
    else:
        assert got and got[0] in row.statuses, got
    if row.id in ("FR48", "FR49"):
        assert read_all([row.raw])[-3] == ("GET", "/smuggled", "a")
    if got[0] != 200:
        assert len(got) == 1, "nothing is read after a refusal"


@pytest.mark.parametrize("row", [row for row in ROWS if len(row.raw) <= 2048], ids=lambda row: row.id)
def test_row_byte_by_byte_and_split_at_every_position(row: Row) -> None:
    whole = read_all([row.raw])
    assert read_all([row.raw[i : i + 1] for i in range(len(row.raw))]) == whole
    for position in range(1, len(row.raw)):
        assert read_all([row.raw[:position], row.raw[position:]]) == whole, position


@pytest.mark.parametrize("row", [row for row in ROWS if len(row.raw) > 2048], ids=lambda row: row.id)
def test_long_row_split_at_random_positions(row: Row) -> None:
    whole = read_all([row.raw])
    chance = random.Random(row.id)
    for _ in range(10):
        cuts = sorted(chance.sample(range(1, len(row.raw)), 12))
        pieces = [row.raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(row.raw)], strict=True)]
        got = read_all(pieces)
        assert statuses(got)[:1] == statuses(whole)[:1] or set(statuses(got)) | set(statuses(whole)) <= {
            400,
            413,
            414,
            431,
        }
