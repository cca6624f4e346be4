"""Basic, bearer and digest authentication."""

from __future__ import annotations

import hashlib
import re

import pytest

from waterspout.httpclient import BasicAuth, BearerAuth, DigestAuth, HTTPClientError
from waterspout.httpclient._auth import best_digest_challenge
from waterspout.httpclient._url import parse_url

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def refusal(*challenges: str) -> bytes:
    fields = "".join(f"WWW-Authenticate: {challenge}\r\n" for challenge in challenges)
    return f"HTTP/1.1 401 No\r\n{fields}Content-Length: 0\r\n\r\n".encode()


def proof(request: bytes) -> dict[str, str]:
    line = re.search(rb"\r\nAuthorization: Digest ([^\r]*)", request)[1].decode()
    return {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^,]*))', line)}


def test_user_name_and_password_from_options_or_url(run, peer, client):
    async def main():
        async with peer(OK) as server:
            http = client()
            await http.fetch(server.url, auth_username="Aladdin", auth_password="open sesame")
            await http.fetch(server.url.replace("//", "//Aladdin:open%20sesame@"))
            await http.fetch(server.url, auth=BasicAuth("Aladdin", "open sesame"))
            for request in server.requests:
                assert b"\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n" in request
            await http.fetch(server.url, auth_username="Aladdin", headers={"Authorization": "mine"})
            assert server.requests[-1].count(b"Authorization") == 1

    run(main)


def test_bearer_token(run, peer, client):
    async def main():
        async with peer(OK) as server:
            await client(defaults={"auth": BearerAuth("abc.def-_~+/==")}).fetch(server.url)
            assert b"\r\nAuthorization: Bearer abc.def-_~+/==\r\n" in server.requests[0]
        with pytest.raises(ValueError, match="token"):
            BearerAuth("a\r\nb")

    run(main)


def test_unknown_mode_is_a_value_error(run, client):
    async def main():
        with pytest.raises(ValueError, match="unsupported auth_mode asdf"):
            await client().fetch("http://127.0.0.1:1/", auth_username="u", auth_password="p", auth_mode="asdf")

    run(main)


@pytest.mark.parametrize(("name", "digest"), [("MD5", "md5"), ("SHA-256", "sha256")])
def test_digest_proves_the_password_without_sending_it(run, peer, client, name, digest):
    def hashed(text):
        return hashlib.new(digest, text.encode()).hexdigest()

    async def main():
        challenge = f'Digest realm="the realm", nonce="abc", qop="auth,auth-int", opaque="o", algorithm={name}'
        async with peer(refusal("Basic realm=x", challenge), OK) as server:
            options = {"auth_username": "user", "auth_password": "secret", "auth_mode": "digest"}
            response = await client().fetch(server.url + "/a?b", **options)
            assert response.body == b"hello"
            assert b"Authorization" not in server.requests[0] and b"secret" not in server.requests[1]
            said = proof(server.requests[1])
            assert (
                said["uri"] == "/a?b" and said["opaque"] == "o" and said["nc"] == "00000001" and said["qop"] == "auth"
            )
            secret = hashed("user:the realm:secret")
            expected = hashed(f"{secret}:abc:00000001:{said['cnonce']}:auth:{hashed('GET:/a?b')}")
            assert said["response"] == expected

    run(main)


def test_digest_example_of_rfc_2617_without_qop():
    auth = DigestAuth("Mufasa", "Circle Of Life")
    auth._challenge = {"realm": "testrealm@host.com", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093"}
    line = auth.fields("GET", parse_url("http://h/dir/index.html"), None)
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in line


def test_digest_challenge_is_remembered_and_counted(run, peer, client):
    async def main():
        async with peer(refusal('Digest realm="r", nonce="n", qop="auth"'), OK) as server:
            auth = DigestAuth("u", "p")
            http = client()
            for _ in range(3):
                await http.fetch(server.url, auth=auth)
            assert [proof(r)["nc"] for r in server.requests[1:]] == ["00000001", "00000002", "00000003"]
            assert len({proof(r)["cnonce"] for r in server.requests[1:]}) == 3

    run(main)


def test_wrong_password_is_not_tried_for_ever(run, peer, client):
    async def main():
        async with peer(refusal('Digest realm="r", nonce="n1"'), refusal('Digest realm="r", nonce="n2"')) as server:
            with pytest.raises(HTTPClientError, match="401"):
                await client().fetch(server.url, auth=DigestAuth("u", "p"))
            assert len(server.requests) == 2

    run(main)


def test_stale_nonce_is_replaced(run, peer, client):
    async def main():
        stale = refusal('Digest realm="r", nonce="n2", stale=true')
        async with peer(refusal('Digest realm="r", nonce="n1"'), stale, OK) as server:
            assert (await client().fetch(server.url, auth=DigestAuth("u", "p"))).body == b"hello"
            assert proof(server.requests[2])["nonce"] == "n2"

    run(main)


@pytest.mark.parametrize(
    ("fields", "nonce"),
    [
        (['Digest nonce="a"'], "a"),
        (['Basic realm="x, Digest nonce=evil", Digest nonce="a"'], "a"),
        (['Digest nonce="weak"', 'Digest nonce="strong", algorithm=SHA-256'], "strong"),
        (['Digest nonce="x", algorithm=unknown'], None),
        (["Digest"], None),
        (["Digest realm=r"], None),
        (['Digest nonce="a\\"b"'], 'a"b'),
        ([], None),
    ],
)
def test_strongest_known_challenge_is_chosen(fields, nonce):
    found = best_digest_challenge(fields)
    assert (found and found["nonce"]) == nonce


@pytest.mark.parametrize("for_proxy", [False, True])
@pytest.mark.parametrize("name", ["a\r\nX: y", "a\nb", "a\0", "\x7f"])
def test_CS3_user_name_of_digest_cannot_add_header_fields(name, for_proxy):
    with pytest.raises(ValueError, match="control characters") as caught:
        DigestAuth(name, "secret", for_proxy=for_proxy)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("escaped", ["%0d%0aX%3a%20y", "%0aX", "%00"])
def test_CS3_user_name_of_a_url_cannot_add_header_fields(run, peer, client, escaped):
    async def main():
        async with peer(refusal('Digest realm="r", nonce="n"'), OK) as server:
            url = server.url.replace("://", f"://bob{escaped}:secret@")
            for mode in ("digest", "basic"):
                with pytest.raises(ValueError, match="control characters"):
                    await client().fetch(url, auth_mode=mode)
            assert server.requests == []

    run(main)
