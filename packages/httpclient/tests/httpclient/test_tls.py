"""TLS: who is trusted, and which requests may share a connection (TL1-TL12, as far as they are a client's)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import shutil
import ssl
import threading
from types import SimpleNamespace

import pytest

from waterspout.httpclient import (
    HTTPStreamClosedError,
    HTTPTimeoutError,
    InvalidRequestError,
    Phase,
    ProxyError,
    TLSError,
)
from waterspout.httpclient._settings import DEFAULTS, Settings
from waterspout.httpclient._tls import make_context

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def test_trusted_certificate_is_accepted_and_the_connection_kept(run, peer, client, tls_server, certificate):
    async def main():
        async with peer(OK, tls=tls_server()) as server:
            http = client(defaults={"ca_certs": certificate()[0]})
            for _ in range(3):
                response = await http.fetch(server.url)
                assert response.body == b"hello"
            assert server.connections == 1
            assert "appconnect" not in response.time_info

    run(main)


def test_TL1_self_signed_certificate_is_refused(run, peer, client, tls_server):
    async def main():
        async with peer(OK, tls=tls_server()) as server:
            with pytest.raises(ssl.SSLCertVerificationError) as caught:
                await client().fetch(server.url)
            error = caught.value
            assert isinstance(error, TLSError) and error.code == 599 and error.phase is Phase.TLS
            assert str(server.port) in str(error) and server.requests == []

    run(main)


def test_TL1_certificate_of_another_host_is_refused(run, peer, client, tls_server, certificate):
    async def main():
        async with peer(OK, tls=tls_server("other.example")) as server:
            with pytest.raises(TLSError, match="(?i)mismatch"):
                await client().fetch(server.url, ca_certs=certificate("other.example")[0])
        # An IP address needs one in the certificate; a name of the same text is not enough.
        async with peer(OK, tls=tls_server("localhost")) as server:
            with pytest.raises(TLSError, match="(?i)mismatch"):
                await client().fetch(server.url, ca_certs=certificate("localhost")[0])

    run(main)


def test_certificate_checking_can_be_turned_off(run, peer, client, tls_server):
    async def main():
        async with peer(OK, tls=tls_server("other.example")) as server:
            assert (await client().fetch(server.url, validate_cert=False)).body == b"hello"

    run(main)


def test_TL2_unchecked_connection_is_never_given_to_a_request_that_checks(run, peer, client, tls_server):
    async def main():
        async with peer(OK, tls=tls_server()) as server:
            http = client()
            await http.fetch(server.url, validate_cert=False)
            with pytest.raises(TLSError):
                await http.fetch(server.url)
            await http.fetch(server.url, validate_cert=False)
            assert http.statistics().opened == 1

    run(main)


def test_TL3_every_tls_option_separates_connections(run, peer, client, tls_server, certificate):
    async def main():
        async with peer(OK, tls=tls_server()) as server:
            http = client()
            ca_certs, key = certificate()
            context = ssl.create_default_context(cafile=ca_certs)
            options = [
                {"ca_certs": ca_certs},
                {"ca_certs": ca_certs, "client_cert": ca_certs, "client_key": key},
                {"ssl_options": context},
                {"ssl_options": {"ca_certs": ca_certs, "cert_reqs": ssl.CERT_REQUIRED}},
            ]
            for _ in range(2):
                for choice in options:
                    await http.fetch(server.url, **choice)
            assert http.statistics().opened == len(options)

    run(main)


@pytest.mark.parametrize(
    ("named", "host"),
    [
        ("*.com", "example.com"),
        ("a*.example.com", "ab.example.com"),
        ("a.*.example.com", "a.b.example.com"),
        ("*", "localhost"),
        ("example.com.", "example.com"),
        ("*.example.com", "example.com"),
        ("*.example.com", "a.b.example.com"),
    ],
)
def test_TL4_wildcards_beyond_one_whole_first_label_prove_nothing(
    run, peer, client, tls_server, certificate, named, host
):
    async def main():
        async with peer(OK, tls=tls_server(named)) as server:
            http = client(hostname_mapping={host: "127.0.0.1"})
            with pytest.raises(TLSError, match="(?i)mismatch"):
                await http.fetch(f"https://{host}:{server.port}/", ca_certs=certificate(named)[0])
            assert server.requests == []

    run(main)


def test_TL4_common_name_alone_proves_nothing_and_a_wildcard_for_one_label_does(
    run, peer, client, tls_server, certificate
):
    async def main():
        http = client(hostname_mapping={"a.example.com": "127.0.0.1"})
        async with peer(OK, tls=tls_server("a.example.com", named=False)) as server:
            with pytest.raises(TLSError, match="(?i)mismatch"):
                trusted = certificate("a.example.com", named=False)[0]
                await http.fetch(f"https://a.example.com:{server.port}/", ca_certs=trusted)
        async with peer(OK, tls=tls_server("*.example.com")) as server:
            trusted = certificate("*.example.com")[0]
            assert (await http.fetch(f"https://a.example.com:{server.port}/", ca_certs=trusted)).body == b"hello"

    run(main)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_TL5_old_versions_are_not_spoken(run, peer, client, tls_server, certificate):
    async def main():
        context = tls_server()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        async with peer(OK, tls=context) as server:
            with pytest.raises((TLSError, HTTPStreamClosedError)) as caught:
                await client().fetch(server.url, ca_certs=certificate()[0])
            assert caught.value.phase is Phase.TLS and server.requests == []

    run(main)


def test_TL5_server_name_and_protocol_are_said_and_no_name_for_an_address(run, peer, client, tls_server, certificate):
    async def main():
        names = []
        context = tls_server("a.example.com")
        context.set_alpn_protocols(["foo", "http/1.1"])
        context.sni_callback = lambda connection, name, context: names.append(name)
        async with peer(OK, tls=context) as server:
            http = client(hostname_mapping={"a.example.com": "127.0.0.1"}, defaults={"validate_cert": False})
            await http.fetch(f"https://a.example.com:{server.port}/")
            await http.fetch(server.url)
            assert names == ["a.example.com", None]

    run(main)


def test_TL6_certificate_files_that_were_replaced_count_for_new_connections(
    run, peer, client, tls_server, certificate, tmp_path
):
    async def main():
        trusted = tmp_path / "trusted.pem"
        shutil.copy(certificate("other.example")[0], trusted)
        http = client(defaults={"ca_certs": str(trusted)}, idle_timeout=0)
        async with peer(OK, tls=tls_server()) as server:
            with pytest.raises(TLSError, match="(?i)self.signed"):
                await http.fetch(server.url)
            fresh = tmp_path / "fresh.pem"
            shutil.copy(certificate()[0], fresh)
            os.replace(fresh, trusted)
            assert (await http.fetch(server.url)).body == b"hello"

    run(main)


def test_TL7_client_certificate_is_shown(run, peer, client, tls_server, certificate):
    async def main():
        context = tls_server()
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate("client.example")[0])
        async with peer(OK, tls=context) as server:
            cert, key = certificate("client.example")
            http = client(defaults={"ca_certs": certificate()[0]})
            assert (await http.fetch(server.url, client_cert=cert, client_key=key)).body == b"hello"
            with pytest.raises((TLSError, HTTPStreamClosedError)):
                await http.fetch(server.url)

    run(main)


def test_TL8_plain_http_on_a_tls_port_and_the_reverse_are_errors(run, peer, client, tls_server):
    async def main():
        async with peer(OK, tls=tls_server()) as server:
            with pytest.raises(HTTPStreamClosedError):
                await client().fetch(server.url.replace("https", "http"))
        async with peer(OK) as server:

            async def handler(talk):
                await talk.reader.read(1)
                await talk.send(b"HTTP/1.1 400 Bad\r\n\r\n")

            server.handler = handler
            with pytest.raises(TLSError):
                await client().fetch(server.url.replace("http", "https"))

    run(main)


def test_TL9_stalled_handshake_ends_with_the_connect_timeout(run, peer, client, certificate):
    async def handler(talk):
        await talk.reader.read()

    async def main():
        async with peer(handler) as server:
            http = client(defaults={"ca_certs": certificate()[0]})
            with pytest.raises(HTTPTimeoutError, match="TLS handshake") as caught:
                await http.fetch(server.url.replace("http", "https"), connect_timeout=1.0)
            assert caught.value.phase is Phase.TLS
            assert http.statistics().connecting == 0 and http.pool.size == 0

    run(main)


def test_TL10_close_without_close_notify_is_no_end_of_a_body(run, peer, client, tls_server, certificate):
    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\n\r\npart of the")
        talk.writer.transport.abort()

    async def main():
        async with peer(handler, tls=tls_server()) as server:
            with pytest.raises(HTTPStreamClosedError):
                await client().fetch(server.url, ca_certs=certificate()[0])

    run(main)


def test_TL11_bytes_before_the_handshake_through_a_tunnel_are_no_answer(run, peer, client):
    async def handler(talk):
        await talk.request()
        # In one piece with the proxy's answer, as an attacker in between would add them.
        await talk.send(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
        await talk.reader.read()

    async def main():
        async with peer(handler) as proxy:
            http = client()
            with pytest.raises(ProxyError, match="before the handshake"):
                await http.fetch("https://server.invalid/", proxy=f"http://127.0.0.1:{proxy.port}")
            assert http.pool.size == 0

    run(main)


def hello_extensions(record):
    """The numbers of the extensions in a TLS record that holds a ClientHello (RFC 8446, 4.1.2)."""
    assert record[0] == 22 and record[5] == 1
    at = 5 + 4 + 2 + 32
    at += 1 + record[at]
    at += 2 + int.from_bytes(record[at : at + 2], "big")
    at += 1 + record[at]
    end = at + 2 + int.from_bytes(record[at : at + 2], "big")
    at += 2
    while at < end:
        yield int.from_bytes(record[at : at + 2], "big")
        at += 4 + int.from_bytes(record[at + 2 : at + 4], "big")


def test_TL12_nothing_is_sent_before_the_handshake_is_complete(run, peer, client, tls_server, certificate):
    first_flights = []

    async def main():
        async with peer(OK, tls=tls_server()) as server:

            async def passing_on(talk):
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

                async def back():
                    while data := await reader.read(65536):
                        await talk.send(data)
                    talk.close()

                returning = asyncio.create_task(back())
                first = True
                while data := await talk.reader.read(65536):
                    if first:
                        first_flights.append(data)
                    first = False
                    writer.write(data)
                writer.close()
                await returning

            async with peer(passing_on) as between:
                http = client(idle_timeout=0, defaults={"ca_certs": certificate()[0]})
                for _ in range(2):
                    await http.fetch(f"https://127.0.0.1:{between.port}/", method="POST", body=b"pay")
        assert len(first_flights) == 2
        for flight in first_flights:
            assert len(flight) == 5 + int.from_bytes(flight[3:5], "big"), "more than one record"
            assert 42 not in hello_extensions(flight), "early_data is offered"

    run(main)


@pytest.mark.parametrize("settings", [{}, {"validate_cert": False}])
def test_TL10_contexts_do_not_take_a_truncation_for_an_end(monkeypatch, settings):
    """Python up to 3.11.2 makes contexts that do."""
    ignore = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)

    def old(make):
        def made(*args, **keywords):
            context = make(*args, **keywords)
            context.options |= ignore
            return context

        return made

    there = dict(vars(ssl), SSLContext=old(ssl.SSLContext), create_default_context=old(ssl.create_default_context))
    monkeypatch.setattr("waterspout.httpclient._tls.ssl", SimpleNamespace(**there))
    assert not make_context(Settings(settings, DEFAULTS)).options & ignore


def test_certificate_files_that_cannot_be_read_are_named(run, client):
    async def main():
        with pytest.raises(InvalidRequestError, match="/no/such/file"):
            await client().fetch("https://127.0.0.1:1/", ca_certs="/no/such/file")

    run(main)


def test_trust_can_be_left_to_the_operating_system(run, peer, client, tls_server, certificate, monkeypatch):
    pytest.importorskip("truststore")

    async def main():
        async with peer(OK, tls=tls_server()) as server:
            with pytest.raises(TLSError):
                await client(system_trust=True).fetch(server.url)
            monkeypatch.setenv("SSL_CERT_FILE", certificate()[0])
            http = client(system_trust=True)
            assert (await http.fetch(server.url)).body == b"hello"

    run(main)


def test_missing_truststore_is_named(run, client, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "truststore", None)

    async def main():
        with pytest.raises(ImportError, match=r"httpclient\[truststore\]"):
            await client(system_trust=True).fetch("https://127.0.0.1:1/")

    run(main)


def test_tls_connection_closed_by_the_server_while_idle_is_replaced(run, peer, client, tls_server, certificate):
    async def handler(talk):
        await talk.request()
        await talk.send(OK)
        talk.close()

    async def main():
        async with peer(handler, tls=tls_server()) as server:
            http = client(defaults={"ca_certs": certificate()[0]})
            for _ in range(3):
                assert (await http.fetch(server.url)).body == b"hello"

    run(main)


OPTIONS_WITH_CERTIFICATE = pytest.mark.parametrize("kind", ["of the request", "of the client", "a dictionary"])


@OPTIONS_WITH_CERTIFICATE
def test_CS10_client_certificate_is_not_shown_to_another_origin(run, peer, client, tls_server, certificate, kind):
    """Nor after a redirect back and forth; on its own origin it is shown again and again."""
    shown: dict[str, list[bool]] = {"first": [], "second": []}
    cert, key = certificate("client.example")

    def asking() -> ssl.SSLContext:
        context = tls_server()
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cert)
        return context

    def options() -> tuple[dict[str, object], dict[str, object]]:
        trust = {"ca_certs": certificate()[0]}
        if kind == "of the client":
            return {**trust, "client_cert": cert, "client_key": key}, {}
        if kind == "of the request":
            return trust, {"client_cert": cert, "client_key": key}
        own = {"certfile": cert, "keyfile": key, "ca_certs": trust["ca_certs"], "cert_reqs": ssl.CERT_REQUIRED}
        return {}, {"ssl_options": own}

    async def main():
        def handler(name, location):
            async def handle(talk):
                while True:
                    request = await talk.request()
                    shown[name].append(bool(talk.writer.get_extra_info("ssl_object").getpeercert()))
                    if b"GET /here" in request:
                        await talk.send(b"HTTP/1.1 302 F\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")
                    elif location is not None and b"GET /there" in request:
                        await talk.send(b"HTTP/1.1 307 F\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location())
                    else:
                        await talk.send(OK)

            return handle

        async with (
            peer(handler("second", lambda: first.url.encode() + b"/end"), tls=asking()) as second,
            peer(handler("first", lambda: second.url.encode() + b"/there"), tls=asking()) as first,
        ):
            defaults, own = options()
            http = client(defaults=defaults)
            assert (await http.fetch(first.url + "/here", **own)).body == b"hello"
            assert shown == {"first": [True, True, False], "second": [False]}
            assert (await http.fetch(first.url + "/end", **own)).body == b"hello"
            assert shown["first"][-1] is True

    run(main)


def test_connection_whose_server_has_said_goodbye_is_not_used_although_the_loop_has_not_seen_it(
    run, client, thread_peer, tls_server, certificate
):
    """The alert that announces the close is bytes that wait, as a session ticket is."""
    context = tls_server()
    fetched = threading.Event()

    def handler(connection):
        with context.wrap_socket(connection, server_side=True) as secured:
            if secured.recv(65536):
                secured.sendall(OK)
                fetched.wait(20)
                with contextlib.suppress(OSError):
                    secured.unwrap()

    async def main():
        http = client(defaults={"ca_certs": certificate()[0]})
        url = f"https://127.0.0.1:{thread_peer(handler)}/"
        await http.fetch(url)
        fetched.set()
        # The loop stands still until the server has closed.
        connection = next(iter(http.pool.routes.values())).idle[0]
        assert select.select([connection.stream.socket.fileno()], [], [], 20)[0]
        response = await http.fetch(url, method="POST", body="pay")
        assert response.body == b"hello"

    run(main)


def test_TL5_absolute_name_is_asked_for_without_its_dot(run, peer, client, tls_server, certificate):
    names = []
    context = tls_server("localhost")
    context.sni_callback = lambda connection, name, _: names.append(name)

    async def main():
        async with peer(OK, tls=context) as server:
            url = f"https://localhost.:{server.port}/"
            trust = {"ca_certs": certificate("localhost")[0]}
            http = client(hostname_mapping={"localhost.": "127.0.0.1"}, defaults=trust)
            assert (await http.fetch(url)).body == b"hello"
            assert server.requests[0].split(b"\r\n")[1] == b"Host: localhost.:%d" % server.port
            assert names == ["localhost"]

    run(main)
