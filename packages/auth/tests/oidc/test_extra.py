"""What works without joserfc and cryptography, and what the error says where it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

BLOCKED = "import sys; sys.modules.update(joserfc=None, cryptography=None, redis=None)\n"
PUBLIC = ("auth", "auth.oauth1", "auth.oauth2", "auth.oidc", "auth.providers", "auth.sessions", "auth.signin")


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("package", PUBLIC)
def test_every_package_can_be_imported_first_and_without_the_extras(package: str) -> None:
    python(BLOCKED + f"import waterspout.{package} as it; assert all(hasattr(it, name) for name in it.__all__)")


def test_without_the_extra_the_error_names_it() -> None:
    uses = [
        "from waterspout.auth.oidc import OpenIDClient; OpenIDClient('op', 'id', issuer='https://id.example')",
        "from waterspout.auth.oidc import PrivateKeyJWT; PrivateKeyJWT('key')",
        "from waterspout.auth.oidc import AppleSecret; AppleSecret('team', 'kid', 'key')",
        "from waterspout.auth.providers import provider; provider('google', 'id')",
    ]
    code = f"""{BLOCKED}
for use in {uses!r}:
    try:
        exec(use)
    except ImportError as error:
        print(error)
"""
    message = "OpenID Connect needs joserfc and cryptography: pip install 'waterspout-auth[oidc]'"
    assert python(code).splitlines() == [message] * len(uses)


def test_oauth_2_works_without_the_extra() -> None:
    code = BLOCKED + (
        "from waterspout.auth.providers import provider; from waterspout.auth.signin import SignIn\n"
        "SignIn([provider('github', 'id', 'secret')], base_url='https://app.example', secret='x' * 32).routes()"
    )
    python(code)
