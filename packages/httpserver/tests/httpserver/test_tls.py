"""TLS with real certificates: changed on disk, by name, and the client's own."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import logging
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from waterspout.httpserver import HTTPServer
from waterspout.httputil import ClientIdentity, HTTPHeaders, HTTPServerRequest, ResponseStartLine
from waterspout.netutil import bind_sockets

Make = Callable[..., dict[str, str]]
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ca")
    openssl("req", "-x509", *NEW_KEY, "-days", "2", "-subj", "/CN=Test authority",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",  # Python 3.13 and later look for it
            "-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.pem"))  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def issued(authority: Path) -> Callable[[str, str], tuple[Path, Path]]:
    """``issued(subject, san)``: a certificate of the authority and its key, made once."""
    extensions = authority / "extensions"
    extensions.write_text("authorityKeyIdentifier=keyid\n")

    @functools.cache
    def make(subject: str, san: str) -> tuple[Path, Path]:
        folder = Path(tempfile.mkdtemp(dir=authority))
        key, cert, request = (str(folder / f"made.{kind}") for kind in ("key", "pem", "csr"))
        openssl("req", *NEW_KEY, "-subj", subject, "-addext", f"subjectAltName={san}",
                "-keyout", key, "-out", request)  # fmt: skip
        openssl("x509", "-req", "-in", request, "-CA", str(authority / "ca.pem"), "-CAkey", str(authority / "ca.key"),
                "-CAcreateserial", "-days", "2", "-copy_extensions", "copy", "-extfile", str(extensions),
                "-out", cert)  # fmt: skip
        return Path(cert), Path(key)

    return make


@pytest.fixture
def certificate(issued: Callable[[str, str], tuple[Path, Path]], tmp_path: Path) -> Make:
    """``certificate(file, subject, san)``: files of the test's own with a certificate of the authority and its key."""

    def copy(file: str, subject: str, san: str) -> dict[str, str]:
        cert, key = (tmp_path / f"{file}.{kind}" for kind in ("pem", "key"))
        for made, own in zip(issued(subject, san), (cert, key), strict=True):
            own.write_bytes(made.read_bytes())
        return {"certfile": str(cert), "keyfile": str(key)}

    return copy


def client(authority: Path, own: dict[str, str] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority / "ca.pem"))
    if own is not None:
        context.load_cert_chain(own["certfile"], own["keyfile"])
    return context


def tell_identity(request: HTTPServerRequest) -> None:
    body = repr(request.client_identity).encode()
    request.connection.write_headers(
        ResponseStartLine("", 200, "OK"), HTTPHeaders({"Content-Length": str(len(body))}), body
    )
    request.connection.finish()


def start(**options: Any) -> tuple[HTTPServer, Any]:
    server = HTTPServer(tell_identity, **options)
    (sock,) = bind_sockets(0, "127.0.0.1")
    server.add_sockets([sock])
    return server, sock.getsockname()


async def ask(streams: Any) -> str:
    reader, writer = streams
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
    return str((await reader.readexactly(length)).decode())


def names_of(streams: Any) -> set[str]:
    shown = streams[1].get_extra_info("peercert")
    return {value for _, value in shown["subjectAltName"]}


async def close(server: HTTPServer, *streams: Any) -> None:
    for _, writer in streams:
        writer.close()
    server.stop()
    await server.close_all_connections()


def test_a_changed_certificate_is_served_and_no_connection_drops(
    authority: Path, certificate: Make, monkeypatch: Any
) -> None:
    monkeypatch.setattr("waterspout.tcpserver._contexts.CHECK_INTERVAL", 0.0)
    files = certificate("site", "/CN=site", "DNS:site.example,DNS:old.example")

    async def main() -> None:
        server, address = start(ssl_options=files)
        tls = client(authority)
        before = await asyncio.open_connection(*address, ssl=tls, server_hostname="site.example")
        assert "old.example" in names_of(before) and await ask(before)
        certificate("site", "/CN=site", "DNS:site.example,DNS:new.example")
        after = await asyncio.open_connection(*address, ssl=tls, server_hostname="site.example")
        assert "new.example" in names_of(after)
        assert await ask(before) and await ask(after)  # the old connection goes on with what it has
        await close(server, before, after)

    asyncio.run(main())


def test_each_name_gets_its_certificate(authority: Path, certificate: Make) -> None:
    names = {
        "a.example": certificate("a", "/CN=a", "DNS:a.example"),
        "*.b.example": certificate("b", "/CN=b", "DNS:*.b.example"),
    }

    async def main() -> None:
        default = certificate("default", "/CN=default", "DNS:default.example,DNS:deep.er.b.example")
        server, address = start(ssl_options=default, server_names=names)
        tls = client(authority)
        opened = []
        for asked, got in {
            "a.example": "a.example",
            "A.EXAMPLE": "a.example",
            "x.b.example": "*.b.example",
            "deep.er.b.example": "default.example",  # the star stands for one label
            "default.example": "default.example",
        }.items():
            streams = await asyncio.open_connection(*address, ssl=tls, server_hostname=asked)
            opened.append(streams)
            assert got in names_of(streams) and await ask(streams)
        await close(server, *opened)

    asyncio.run(main())


def test_the_certificate_of_a_name_is_reloaded_and_contexts_are_taken_too(
    authority: Path, certificate: Make, monkeypatch: Any
) -> None:
    monkeypatch.setattr("waterspout.tcpserver._contexts.CHECK_INTERVAL", 0.0)
    files = certificate("a", "/CN=a", "DNS:a.example")
    fixed = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    fixed.load_cert_chain(**certificate("f", "/CN=f", "DNS:f.example"))
    default = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    default.load_cert_chain(**certificate("d", "/CN=d", "DNS:d.example"))

    async def main() -> None:
        server, address = start(ssl_options=default, server_names={"a.example": files, "f.example": fixed})
        tls = client(authority)
        first = await asyncio.open_connection(*address, ssl=tls, server_hostname="a.example")
        certificate("a", "/CN=a", "DNS:a.example,DNS:renewed.example")
        second = await asyncio.open_connection(*address, ssl=tls, server_hostname="a.example")
        third = await asyncio.open_connection(*address, ssl=tls, server_hostname="f.example")
        assert [names_of(s) for s in (first, second, third)] == [
            {"a.example"},
            {"a.example", "renewed.example"},
            {"f.example"},
        ]
        await close(server, first, second, third)

    asyncio.run(main())


def test_the_request_says_who_the_client_is(authority: Path, certificate: Make) -> None:
    options = {
        **certificate("s", "/CN=s", "DNS:s.example"),
        "cert_reqs": ssl.CERT_OPTIONAL,
        "ca_certs": str(authority / "ca.pem"),
    }
    mine = certificate("c", "/O=Us\\, Inc/CN=worker-7", "DNS:w7.example,URI:spiffe://us/worker,email:w@us.example")
    der = ssl.PEM_cert_to_DER_cert(Path(mine["certfile"]).read_text())
    fingerprint = hashlib.sha256(der).hexdigest()

    async def main() -> None:
        server, address = start(ssl_options=options)
        known = await asyncio.open_connection(*address, ssl=client(authority, mine), server_hostname="s.example")
        stranger = await asyncio.open_connection(*address, ssl=client(authority), server_hostname="s.example")
        identity = eval(await ask(known), {"ClientIdentity": ClientIdentity})
        assert (identity.common_name, identity.dns_names) == ("worker-7", ("w7.example",))
        assert (identity.uris, identity.emails) == (("spiffe://us/worker",), ("w@us.example",))
        assert identity.subject == "O=Us\\, Inc,CN=worker-7" and identity.issuer == "CN=Test authority"
        assert identity.fingerprint == fingerprint
        assert ssl.cert_time_to_seconds(identity.not_after) and int(identity.serial_number, 16)
        assert await ask(stranger) == "None"
        await close(server, known, stranger)

    asyncio.run(main())


def test_a_client_without_a_certificate_is_refused_where_one_is_required(authority: Path, certificate: Make) -> None:
    options = {
        **certificate("s", "/CN=s", "DNS:s.example"),
        "cert_reqs": ssl.CERT_REQUIRED,
        "ca_certs": str(authority / "ca.pem"),
    }
    # What is asked of clients holds for each name.
    names = {"t.example": certificate("t", "/CN=t", "DNS:t.example")}

    async def main() -> None:
        server, address = start(ssl_options=options, server_names=names)
        for name in ("s.example", "t.example"):
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await ask(await asyncio.open_connection(*address, ssl=client(authority), server_hostname=name))
        await close(server)

    asyncio.run(main())


@pytest.mark.parametrize("required", [ssl.CERT_REQUIRED, ssl.CERT_OPTIONAL])
@pytest.mark.parametrize("by_context", [False, True], ids=["files", "context"])
def test_clients_are_verified_alike_whatever_name_they_ask_for(
    authority: Path, certificate: Make, required: ssl.VerifyMode, by_context: bool
) -> None:
    files = certificate("s", "/CN=s", "DNS:s.example")
    ca = str(authority / "ca.pem")
    options: Any = {**files, "cert_reqs": required, "ca_certs": ca}
    if by_context:
        options = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        options.load_cert_chain(files["certfile"], files["keyfile"])
        options.load_verify_locations(ca)
        options.verify_mode = required
    names = {
        "t.example": certificate("t", "/CN=t", "DNS:t.example"),
        "*.u.example": certificate("u", "/CN=u", "DNS:*.u.example"),
    }
    mine = certificate("c", "/CN=worker", "DNS:w.example")
    strange = certificate("x", "/CN=stranger", "DNS:x.example")
    itself = ("-subj", "/CN=worker", "-days", "2", "-out", strange["certfile"])
    openssl("req", "-x509", "-key", strange["keyfile"], *itself)

    async def main() -> None:
        server, address = start(ssl_options=options, server_names=names)
        for name in ("s.example", "t.example", "a.u.example"):
            known = await asyncio.open_connection(*address, ssl=client(authority, mine), server_hostname=name)
            assert "common_name='worker'" in await ask(known)
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await ask(await asyncio.open_connection(*address, ssl=client(authority, strange), server_hostname=name))
            if required is ssl.CERT_OPTIONAL:
                nobody = await asyncio.open_connection(*address, ssl=client(authority), server_hostname=name)
                assert await ask(nobody) == "None"
                nobody[1].close()
            known[1].close()
        await close(server)

    asyncio.run(main())


def revoke(authority: Path, folder: Path, certificate: str) -> str:
    """A list of the authority's, on which *certificate* is."""
    (folder / "index.txt").touch()
    settings = {
        "database": folder / "index.txt",
        "certificate": authority / "ca.pem",
        "private_key": authority / "ca.key",
        "default_md": "sha256",
        "default_crl_days": 2,
    }
    lines = "\n".join(f"{name}={value}" for name, value in settings.items())
    (folder / "ca.cnf").write_text(f"[ca]\ndefault_ca=here\n[here]\n{lines}\n")
    openssl("ca", "-config", str(folder / "ca.cnf"), "-revoke", certificate)
    openssl("ca", "-config", str(folder / "ca.cnf"), "-gencrl", "-out", str(folder / "crl.pem"))
    return str(folder / "crl.pem")


def context_of(
    files: dict[str, str], *authorities: str, mode: int = ssl.CERT_REQUIRED, flags: int = 0
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(**files)
    for file in authorities:
        context.load_verify_locations(file)
    context.verify_mode = ssl.VerifyMode(mode)
    context.verify_flags |= flags
    return context


@pytest.mark.parametrize("flag", [ssl.VERIFY_CRL_CHECK_LEAF, ssl.VERIFY_CRL_CHECK_CHAIN])
def test_a_revoked_client_is_refused_whatever_name_it_asks_for(
    authority: Path, certificate: Make, tmp_path: Path, flag: int
) -> None:
    ca = str(authority / "ca.pem")
    good, revoked = certificate("g", "/CN=good", "DNS:g.example"), certificate("r", "/CN=revoked", "DNS:r.example")
    crl = revoke(authority, tmp_path, revoked["certfile"])
    default = context_of(certificate("s", "/CN=s", "DNS:s.example"), ca, crl, flags=flag)
    named = context_of(certificate("t", "/CN=t", "DNS:t.example"), ca, crl, flags=flag)

    async def main() -> None:
        server, address = start(ssl_options=default, server_names={"t.example": named})
        for name in ("s.example", "t.example"):
            known = await asyncio.open_connection(*address, ssl=client(authority, good), server_hostname=name)
            assert "common_name='good'" in await ask(known)
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await ask(await asyncio.open_connection(*address, ssl=client(authority, revoked), server_hostname=name))
            known[1].close()
        await close(server)

    asyncio.run(main())


def test_a_name_that_cannot_have_the_revocation_lists_of_the_server_is_an_error(
    authority: Path, certificate: Make
) -> None:
    site, name = certificate("s", "/CN=s", "DNS:s.example"), certificate("t", "/CN=t", "DNS:t.example")
    ca, flags = str(authority / "ca.pem"), ssl.VERIFY_CRL_CHECK_LEAF
    with pytest.raises(ValueError, match=r"server_names\['t.example'\] cannot have the revocation lists"):
        HTTPServer(tell_identity, ssl_options=context_of(site, ca, flags=flags), server_names={"t.example": name})
    for harmless in (context_of(site, ca), context_of(site, ca, mode=ssl.CERT_NONE, flags=flags)):
        HTTPServer(tell_identity, ssl_options=harmless, server_names={"t.example": name})


def test_a_name_whose_context_asks_more_of_clients_than_it_would_get_is_an_error(
    authority: Path, certificate: Make
) -> None:
    site, name = certificate("s", "/CN=s", "DNS:s.example"), certificate("t", "/CN=t", "DNS:t.example")
    ca, flags = str(authority / "ca.pem"), ssl.VERIFY_CRL_CHECK_LEAF
    asking: Any = {**site, "cert_reqs": ssl.CERT_REQUIRED, "ca_certs": ca}
    for default in (asking, context_of(site, ca)):
        with pytest.raises(ValueError, match="checks for revoked certificates, but"):
            HTTPServer(
                tell_identity, ssl_options=default, server_names={"t.example": context_of(name, ca, flags=flags)}
            )
        HTTPServer(tell_identity, ssl_options=default, server_names={"t.example": context_of(name, ca)})
    for default in (site, {**asking, "cert_reqs": ssl.CERT_OPTIONAL}, context_of(site, mode=ssl.CERT_NONE)):
        with pytest.raises(ValueError, match="has verify_mode <VerifyMode.CERT_REQUIRED: 2>, but"):
            HTTPServer(tell_identity, ssl_options=default, server_names={"t.example": context_of(name, ca)})
        silent = context_of(name, mode=ssl.CERT_NONE, flags=flags)
        HTTPServer(tell_identity, ssl_options=default, server_names={"t.example": silent})


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x00\x02\x01\x00", b"\x16\x03\x01"]
)
def test_LG3_bad_handshakes_in_a_loop_are_logged_a_bounded_number_of_times(
    certificate: Make, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        server, address = start(ssl_options=certificate("s", "/CN=s", "DNS:s.example"))
        for _ in range(60):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(garbage)
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
        await close(server)

    asyncio.run(main())
    records = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert 1 <= len(records) <= 40, "20 in ten seconds, and a slow machine may begin another ten"
    assert all("SSL Error" in record.getMessage() for record in records)


def test_an_unencrypted_request_has_no_identity(exchange: Callable[..., tuple[bytes, bool]]) -> None:
    received, _ = exchange(tell_identity, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert received.endswith(b"\r\n\r\nNone")


def test_a_drain_over_tls_serves_and_ends_the_connection_in_order(authority: Path, certificate: Make) -> None:
    files = certificate("s", "/CN=s", "DNS:s.example")

    async def main() -> None:
        server, address = start(ssl_options=files)
        raw = socket.create_connection(address)
        raw.setblocking(False)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = client(authority).wrap_bio(incoming, outgoing, server_hostname="s.example")
        loop = asyncio.get_running_loop()

        async def do(step: Callable[[], Any]) -> Any:
            while True:
                try:
                    result = step()
                except ssl.SSLWantReadError:
                    await loop.sock_sendall(raw, outgoing.read())
                    data = await loop.sock_recv(raw, 65536)
                    incoming.write(data) if data else incoming.write_eof()
                else:
                    await loop.sock_sendall(raw, outgoing.read())
                    return result

        await do(tls.do_handshake)
        await do(lambda: tls.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
        draining = asyncio.ensure_future(server.drain(60, idle_grace=60))
        received = b""
        while data := await do(lambda: tls.read(65536)):  # SSLEOFError where TCP ends and TLS has not said so
            received += data
        assert b"Connection: close\r\n" in received and received.endswith(b"None")
        raw.close()
        assert (await draining).finished == 1

    asyncio.run(main())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    "refused", [b"nonsense\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n"]
)
def test_a_refusal_over_TLS_reaches_a_client_that_is_still_sending_and_ends_in_order(
    authority: Path, certificate: Make, version: ssl.TLSVersion, refused: bytes
) -> None:
    files = certificate("s", "/CN=s", "DNS:s.example")

    async def main() -> None:
        server, address = start(ssl_options=files)
        tls = client(authority)
        tls.minimum_version = tls.maximum_version = version

        def talk() -> bytes:
            # It sends all that it has before it reads, and takes an end without close_notify for an error.
            raw = socket.create_connection(address)
            with tls.wrap_socket(raw, server_hostname="s.example", suppress_ragged_eofs=False) as secure:
                secure.settimeout(60)
                secure.sendall(refused)
                for _ in range(8):
                    secure.sendall(bytes(16384))
                received = b""
                while data := secure.recv(65536):
                    received += data
                return received

        received = await asyncio.get_running_loop().run_in_executor(None, talk)
        status = b"413" if b"999" in refused else b"400"
        assert received.startswith(b"HTTP/1.1 %b " % status) and b"\r\nConnection: close\r\n" in received
        await close(server)

    asyncio.run(main())


def test_TL5_versions_before_1_2_are_refused(authority: Path, certificate: Make) -> None:
    async def main() -> None:
        server, address = start(ssl_options=certificate("s", "/CN=s", "DNS:s.example"))
        old = client(authority)
        with pytest.warns(DeprecationWarning):
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection(*address, ssl=old, server_hostname="s.example")
        await close(server)

    asyncio.run(main())


def test_TL5_broken_ciphers_are_refused(authority: Path, certificate: Make) -> None:
    async def main() -> None:
        server, address = start(ssl_options=certificate("s", "/CN=s", "DNS:s.example"))
        for ciphers in ("NULL", "aNULL", "RC4", "3DES"):
            weak = client(authority)
            weak.maximum_version = ssl.TLSVersion.TLSv1_2
            try:
                weak.set_ciphers(f"{ciphers}:@SECLEVEL=0")
            except ssl.SSLError:
                continue  # this OpenSSL has unlearnt it
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection(*address, ssl=weak, server_hostname="s.example")
        await close(server)

    asyncio.run(main())


def test_TL5_without_a_server_name_or_with_a_foreign_one_the_default_certificate_is_shown(
    authority: Path, certificate: Make
) -> None:
    names = {"a.example": certificate("a", "/CN=a", "DNS:a.example")}

    async def main() -> None:
        server, address = start(ssl_options=certificate("d", "/CN=d", "DNS:d.example"), server_names=names)
        tls = client(authority)
        tls.check_hostname = False
        for name in ("", "no.example"):
            # asyncio sends no server name where it is empty
            streams = await asyncio.open_connection(*address, ssl=tls, server_hostname=name)
            assert names_of(streams) == {"d.example"} and await ask(streams)
            streams[1].close()
        await close(server)

    asyncio.run(main())


def test_TL5_a_client_that_offers_another_protocol_is_promised_nothing(authority: Path, certificate: Make) -> None:
    # An alert no_application_protocol (RFC 7301, 3.2) is beyond Python's ssl module, which goes on without ALPN.
    async def main() -> None:
        server, address = start(ssl_options=certificate("s", "/CN=s", "DNS:s.example"))
        tls = client(authority)
        tls.set_alpn_protocols(["foo"])
        streams = await asyncio.open_connection(*address, ssl=tls, server_hostname="s.example")
        assert streams[1].get_extra_info("ssl_object").selected_alpn_protocol() is None
        assert await ask(streams) == "None", "it is HTTP/1.1 or nothing"
        await close(server, streams)

    asyncio.run(main())


def test_TL4_a_wildcard_stands_for_one_whole_label_and_never_for_a_suffix(authority: Path, certificate: Make) -> None:
    names = {"*.b.example": certificate("b", "/CN=b", "DNS:*.b.example")}

    async def main() -> None:
        server, address = start(ssl_options=certificate("d", "/CN=d", "DNS:d.example"), server_names=names)
        tls = client(authority)
        tls.check_hostname = False
        for asked, own in (("x.b.example", True), ("b.example", False), ("x.y.b.example", False),
                           ("xb.example", False), ("x.b.example.evil", False)):  # fmt: skip
            streams = await asyncio.open_connection(*address, ssl=tls, server_hostname=asked)
            assert (names_of(streams) == {"*.b.example"}) is own, asked
            streams[1].close()
        await close(server)

    asyncio.run(main())


def test_TL12_early_data_is_neither_offered_nor_taken(authority: Path, certificate: Make, tmp_path: Path) -> None:
    # A request in early data (RFC 8446, 8) could be replayed by anybody who saw it.
    early = tmp_path / "early"
    early.write_bytes(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    session = tmp_path / "session"

    async def s_client(port: int, *words: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "s.example", "-tls1_3", "-ign_eof",
            "-CAfile", str(authority / "ca.pem"), *words,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(
            process.communicate(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 60
        )
        return said.decode("latin-1")

    async def main() -> None:
        paths: list[str] = []

        def note(request: HTTPServerRequest) -> None:
            paths.append(request.path)
            tell_identity(request)

        server = HTTPServer(note, ssl_options=certificate("s", "/CN=s", "DNS:s.example"))
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        port = sock.getsockname()[1]
        first = await s_client(port, "-sess_out", str(session))
        assert "HTTP/1.1 200" in first and "Max Early Data: 0" in first
        second = await s_client(port, "-sess_in", str(session), "-early_data", str(early))
        assert "HTTP/1.1 200" in second and "Early data was accepted" not in second
        assert paths == ["/", "/"], "what was in early data never ran"
        await close(server)

    asyncio.run(main())


def test_errors_name_the_file(certificate: Make, tmp_path: Path) -> None:
    good, other = certificate("g", "/CN=g", "DNS:g.example"), certificate("o", "/CN=o", "DNS:o.example")
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    locked = tmp_path / "locked.key"
    openssl("ec", "-in", good["keyfile"], "-aes256", "-passout", "pass:x", "-out", str(locked))
    for options, error, words in (
        ({"certfile": str(junk)}, ssl.SSLError, "junk.pem"),
        ({"certfile": good["certfile"], "keyfile": other["keyfile"]}, ssl.SSLError, r"g\.pem.*o\.key"),
        ({**good, "ca_certs": str(tmp_path / "none.pem"), "cert_reqs": ssl.CERT_REQUIRED}, OSError, r"none\.pem"),
        ({"certfile": good["certfile"], "keyfile": str(locked)}, ValueError, r"locked\.key.* is encrypted"),
    ):
        with pytest.raises(error, match=words):
            HTTPServer(tell_identity, ssl_options=options)
        if "ca_certs" not in options:
            with pytest.raises(error, match=words):
                HTTPServer(tell_identity, ssl_options=good, server_names={"a.example": options})


def test_what_an_entry_cannot_say_is_refused(certificate: Make) -> None:
    good = certificate("g", "/CN=g", "DNS:g.example")
    with pytest.raises(ValueError, match=r"server_names\['a.example'\].*cert_reqs"):
        HTTPServer(tell_identity, ssl_options=good, server_names={"a.example": {**good, "cert_reqs": 2}})
    with pytest.raises(ValueError, match="server_names needs ssl_options"):
        HTTPServer(tell_identity, server_names={"a.example": good})
