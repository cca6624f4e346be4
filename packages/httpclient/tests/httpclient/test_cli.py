"""The command, run in this process against a server in another thread."""

from __future__ import annotations

import io
import json
import sys

import pytest

from waterspout.httpclient import main
from waterspout.httpclient._cli import _printable, progress


class Terminal(io.TextIOWrapper):
    def isatty(self):
        return True


@pytest.fixture
def serve(thread_peer):
    """``serve(answer, ...)``: URL of a server that gives the answers in turn, and the list of the requests."""

    def make(*answers):
        left, requests = list(answers), []

        def handler(connection):
            while True:
                request = b""
                while b"\r\n\r\n" not in request:
                    data = connection.recv(65536)
                    if not data:
                        return
                    request += data
                head, _, body = request.partition(b"\r\n\r\n")
                if b"Content-Length: " in head:
                    while len(body) < int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]):
                        body += connection.recv(65536)
                requests.append(head + b"\r\n\r\n" + body)
                connection.sendall(left.pop(0) if len(left) > 1 else left[0])

        return f"http://127.0.0.1:{thread_peer(handler)}", requests

    return make


def answer(body=b"hello", fields=b"", status=b"200 OK"):
    return b"HTTP/1.1 " + status + b"\r\n" + fields + b"Content-Length: %d\r\n\r\n" % len(body) + body


JSON = answer(b'{"a":[1,2]}', b"Content-Type: application/json\r\n")


def test_body_goes_to_standard_output_as_it_is(serve, capfdbinary):
    url, requests = serve(answer(b"\0\xffbytes"))
    assert main([url]) == 0
    assert capfdbinary.readouterr().out == b"\0\xffbytes"
    assert requests[0].startswith(b"GET / HTTP/1.1\r\n")


def test_scheme_may_be_left_out_and_headers_shown(serve, capfd):
    url, _ = serve(answer(fields=b"X-A: b\r\n"))
    assert main(["-i", url.removeprefix("http://")]) == 0
    out = capfd.readouterr().out
    assert out.startswith("HTTP/1.1 200 OK\n") and "X-A: b\n" in out and out.endswith("\nhello")


def test_terminal_gets_pretty_json_and_no_escape_sequences(serve, monkeypatch):
    url, _ = serve(
        JSON, answer(b"\x1b[2Jevil\n", b"Content-Type: text/plain\r\n"), answer(b"\0\1", b"Content-Type: image/x\r\n")
    )
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Terminal(raw, encoding="utf-8"))
    assert main(["--no-headers", url, url, url]) == 0
    shown = raw.getvalue().decode()
    assert '{\n  "a": [\n    1,' in shown
    assert "\ufffd[2Jevil\n" in shown and "\x1b[2J" not in shown
    assert "(2 bytes of image/x; --output saves them)" in shown


def test_json_describes_the_response(serve, capfd):
    url, _ = serve(answer(b"", b"Location: /x\r\n", b"302 Found"), JSON)
    assert main([url, "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["status"] == 200 and found["body"] == {"a": [1, 2]}
    assert found["url"] == url + "/x" and found["redirects"] == [url]
    assert ["Content-Type", "application/json"] in found["headers"]


@pytest.mark.parametrize(
    ("options", "start", "end"),
    [
        (["-d", "a=b"], b"POST", b"\r\n\r\na=b"),
        (["-X", "PUT", "-d", "x"], b"PUT", b"\r\n\r\nx"),
        (["--json", '{"a": 1}'], b"POST", b'\r\n\r\n{"a":1}'),
        (["-F", "a=1", "-F", "b=2"], b"POST", b"\r\n\r\na=1&b=2"),
        (["-X", "DELETE"], b"DELETE", b"\r\n\r\n"),
    ],
)
def test_requests_with_bodies(serve, capfd, options, start, end):
    url, requests = serve(answer())
    assert main([url, *options]) == 0
    assert requests[0].startswith(start + b" / ") and requests[0].endswith(end)


def test_files_and_standard_input_as_bodies(serve, capfd, tmp_path, monkeypatch):
    url, requests = serve(answer())
    path = tmp_path / "f.txt"
    path.write_bytes(b"from a file")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from standard input")))
    assert main([url, "-d", f"@{path}"]) == main([url, "-d", "-"]) == main([url, "-F", f"up=@{path}"]) == 0
    assert requests[0].endswith(b"from a file") and requests[1].endswith(b"from standard input")
    assert b'name="up"; filename="f.txt"' in requests[2]


def test_headers_user_and_timing(serve, capfd):
    url, requests = serve(answer())
    assert main([url, "-H", "X-A: b", "-u", "u:p", "-t"]) == 0
    assert b"X-A: b" in requests[0] and b"Authorization: Basic dTpw" in requests[0]
    errors = capfd.readouterr().err
    assert "connected" in errors and "first byte" in errors and " ms " in errors


def test_exit_status_tells_what_went_wrong(serve, capfd):
    url, _ = serve(answer(status=b"404 No"))
    assert main([url]) == 1
    assert main(["http://127.0.0.1:1/"]) == 2
    assert main(["http://127.0.0.1:99999/"]) == 2
    assert main([url, "-H", "no colon"]) == 2
    assert "127.0.0.1:1" in capfd.readouterr().err
    with pytest.raises(SystemExit):
        main([url, "--continue"])


def test_download_is_saved_when_complete_and_can_be_resumed(serve, capfd, tmp_path):
    target = tmp_path / "file"
    data = bytes(range(256)) * 1000
    url, requests = serve(answer(data))
    assert main([url, "-o", str(target)]) == 0
    assert target.read_bytes() == data and not (tmp_path / "file.part").exists()

    cut = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(data) + data[:1000]
    rest = answer(data[1000:], b"Content-Range: bytes 1000-255999/256000\r\n", b"206 Partial Content")
    target.unlink()
    url, requests = serve(cut)
    assert main([url, "-o", str(target), "--timeout", "2"]) == 2
    assert not target.exists() and (tmp_path / "file.part").read_bytes() == data[:1000]
    url, requests = serve(rest)
    assert main([url, "-o", str(target), "--continue"]) == 0
    assert b"Range: bytes=1000-" in requests[0] and target.read_bytes() == data

    (tmp_path / "file.part").write_bytes(b"old")
    url, requests = serve(answer(data))  # a server that knows no ranges sends all of it
    assert main([url, "-o", str(target), "--continue"]) == 0 and target.read_bytes() == data

    (tmp_path / "file.part").write_bytes(data)
    url, requests = serve(answer(b"", b"Content-Range: bytes */256000\r\n", b"416 Range"))
    assert main([url, "-o", str(target), "--continue"]) == 0 and target.read_bytes() == data

    (tmp_path / "file.part").write_bytes(data[:10])
    url, requests = serve(answer(data[5:], b"Content-Range: bytes 5-255999/256000\r\n", b"206 Partial Content"))
    assert main([url, "-o", str(target), "--continue"]) == 2

    url, requests = serve(answer(b"x"))
    assert main([url, "-o", "-"]) == 0
    assert capfd.readouterr().out == "x"


def test_progress_shows_how_far_it_is():
    assert progress(512, 1024, 256.0, width=10).startswith("[#####.....] 512 B of 1.0 KiB at 256 B/s, 2 s")
    assert progress(3 * 1024**2, None, 1e9).startswith("3.0 MiB at 953.7 MiB/s")
    assert progress(0, 10, 0.0).startswith("[....")


def test_control_characters_are_replaced():
    assert _printable("a\tb\nc\x1b\x9b\x07\r\u202e\u00e9") == "a\tb\nc\ufffd\ufffd\ufffd\ufffd\ufffd\u00e9"


def test_module_can_be_run(serve):
    import subprocess

    url, _ = serve(answer())
    done = subprocess.run([sys.executable, "-m", "waterspout.httpclient", url], capture_output=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, b"hello")
