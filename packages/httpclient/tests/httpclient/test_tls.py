"""TLS: who is trusted, and which requests may share a connection (TL1-TL3, TL8, TL10)."""

from __future__ import annotations

import ssl

import pytest

from waterspout.httpclient import HTTPStreamClosedError, HTTPTimeoutError, InvalidRequestError, Phase, TLSError

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


def test_TL9_stalled_handshake_ends_with_the_connect_timeout(run, peer, client):
    async def handler(talk):
        await talk.reader.read()

    async def main():
        async with peer(handler) as server:
            http = client()
            with pytest.raises(HTTPTimeoutError, match="TLS handshake") as caught:
                await http.fetch(server.url.replace("http", "https"), connect_timeout=0.1)
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
