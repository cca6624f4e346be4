"""Clients for tests, tested."""

from __future__ import annotations

import json

import pytest

from waterspout.httpclient import AsyncHTTPClient, HTTPClientError
from waterspout.httpclient.mock import MockHTTPClient, RecordedHTTPClient, UnknownRequestError, respond

OK = b"HTTP/1.1 200 OK\r\nSet-Cookie: secret=1\r\nX-A: b\r\nContent-Length: 3\r\n\r\n\xff\xfe!"


def test_function_answers(run):
    async def main():
        http = MockHTTPClient(lambda request: respond(request, 200, json={"url": request.url}))
        response = await http.fetch("http://h/a", method="POST", body="x")
        assert response.json() == {"url": "http://h/a"} and response.headers["Content-Type"] == "application/json"
        assert http.requests[0].body == b"x" and http.requests[0].connect_timeout == 20
        assert MockHTTPClient(respond) is not MockHTTPClient(respond)

    run(main)


def test_coroutine_answers_and_errors(run):
    async def handler(request):
        if "boom" in request.url:
            raise ZeroDivisionError
        return respond(request, 404, "nothing")

    async def main():
        http = MockHTTPClient(handler)
        with pytest.raises(HTTPClientError, match="404"):
            await http.fetch("http://h/")
        assert (await http.fetch("http://h/", raise_error=False)).body == b"nothing"
        with pytest.raises(ZeroDivisionError):
            await http.fetch("http://h/boom")
        http.close()
        with pytest.raises(RuntimeError):
            http.fetch("http://h/")

    run(main)


def test_callbacks_and_producers_are_called(run):
    async def produce(write):
        await write(b"a")
        await write(b"b")

    async def main():
        http = MockHTTPClient(lambda request: respond(request, 200, request.body, headers={"A": "b"}))
        pieces, lines = [], []
        response = await http.fetch(
            "http://h/",
            method="PUT",
            body_producer=produce,
            streaming_callback=pieces.append,
            header_callback=lines.append,
        )
        assert pieces == [b"ab"] and response.body == b""
        assert lines[0] == "HTTP/1.1 200 OK\r\n" and "A: b\r\n" in lines and lines[-1] == "\r\n"

    run(main)


def test_answers_are_recorded_once_and_replayed_without_a_client(run, peer, client, tmp_path):
    path = tmp_path / "answers.json"

    async def main():
        async with peer(OK) as server:
            recorder = RecordedHTTPClient(path, client=client())
            first = await recorder.fetch(server.url + "/x", headers={"Authorization": "secret"})
            again = await recorder.fetch(server.url + "/x")
            assert first.body == again.body == b"\xff\xfe!" and len(server.requests) == 1
            url = server.url
        assert "secret" not in path.read_text()
        player = RecordedHTTPClient(path)
        for _ in range(2):
            response = await player.fetch(url + "/x")
            assert (response.code, response.body, response.headers["X-A"]) == (200, b"\xff\xfe!", "b")
        with pytest.raises(UnknownRequestError, match="/other"):
            await player.fetch(url + "/other")
        with pytest.raises(UnknownRequestError):
            await player.fetch(url + "/x", method="POST", body="y")

    run(main)


def test_several_answers_are_given_in_their_order(run, tmp_path):
    path = tmp_path / "answers.json"
    request = {"method": "GET", "url": "http://h/"}
    answers = [{"code": 200, "reason": "OK", "url": "http://h/", "headers": [], "body": text} for text in "ab"]
    path.write_text(json.dumps([{"request": request, "response": answer} for answer in answers]))

    async def main():
        player = RecordedHTTPClient(path)
        assert [(await player.fetch("http://h/")).body for _ in range(3)] == [b"a", b"b", b"b"]
        assert isinstance(player, AsyncHTTPClient)
        path.write_text("{}")
        with pytest.raises(ValueError, match="no recording"):
            RecordedHTTPClient(path)

    run(main)
