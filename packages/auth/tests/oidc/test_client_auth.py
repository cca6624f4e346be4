"""Proof by private keys: what is signed, and which keys are refused."""

from __future__ import annotations

import time
from typing import Any

import pytest

jwk = pytest.importorskip("joserfc.jwk", reason="the extra is not installed: pip install waterspout-auth[oidc]")
jwt = pytest.importorskip("joserfc.jwt", reason="the extra is not installed: pip install waterspout-auth[oidc]")


@pytest.mark.parametrize("form", ["jwk", "pem", "pem bytes"])
def test_each_request_carries_a_token_of_its_own(rsa_keys: list[Any], form: str) -> None:
    from waterspout.auth.oidc import PrivateKeyJWT

    private = rsa_keys[0]
    pem = private.as_pem(private=True)
    key = {"jwk": private.as_dict(private=True), "pem": pem.decode(), "pem bytes": pem}[form]
    proof = PrivateKeyJWT(key, kid=None if form == "jwk" else "k1")
    seen = []
    for _ in range(2):
        sent: dict[str, str] = {}
        proof.sign(sent, {}, client_id="id", audience="https://id.example")
        assert sent["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        token = jwt.decode(sent["client_assertion"], private, algorithms=["RS256"])
        claims = token.claims
        assert claims["iss"] == claims["sub"] == sent["client_id"] == "id" and claims["aud"] == "https://id.example"
        assert 0 < claims["exp"] - time.time() <= 60 and token.header["kid"] == "k1"
        seen.append(claims["jti"])
    assert seen[0] != seen[1]
    assert "PRIVATE" not in repr(proof) and "***" not in repr(proof)


def test_apple_s_secret_is_a_token_for_apple(rsa_keys: list[Any]) -> None:
    from waterspout.auth.oidc import AppleSecret

    private = jwk.ECKey.generate_key("P-256", private=True)
    sent: dict[str, str] = {}
    AppleSecret("TEAM", "KEY", private.as_pem(private=True)).sign(
        sent, {}, client_id="app", audience="https://appleid.apple.com"
    )
    token = jwt.decode(sent["client_secret"], private, algorithms=["ES256"])
    assert token.header["kid"] == "KEY" and token.claims["iss"] == "TEAM" and token.claims["sub"] == "app"
    assert token.claims["aud"] == "https://appleid.apple.com"


def test_keys_that_cannot_sign_are_refused(rsa_keys: list[Any]) -> None:
    from waterspout.auth.oidc import PrivateKeyJWT

    public = rsa_keys[0].as_dict(private=False)
    curve = jwk.ECKey.generate_key("P-256", private=True).as_dict(private=True)
    shared = {"kty": "oct", "k": "c2VjcmV0" * 5}
    pairs: list[tuple[Any, str]] = [(key, "RS256") for key in (public, curve, "no key", shared)]
    for key, algorithm in [*pairs, ({}, "ES256"), (curve, "HS256"), (curve, "none")]:
        with pytest.raises(ValueError, match="key"):
            PrivateKeyJWT(key, algorithm=algorithm)
