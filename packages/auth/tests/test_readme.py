"""The README's code runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_the_application_of_the_readme_is_made_and_sends_users_to_their_provider(
    served: Any, run: Any, new_browser: Any, secret: str
) -> None:
    pytest.importorskip("joserfc", reason="the extra is not installed: pip install waterspout-auth[oidc]")
    names: dict[str, Any] = {
        name: "of-the-application" for name in ("GOOGLE_ID", "GOOGLE_SECRET", "GITHUB_ID", "GITHUB_SECRET")
    }
    names["COOKIE_SECRET"] = secret
    exec(blocks()[0], names)

    async def main() -> tuple[str, str]:
        async with served(names["app"]) as base:
            browser = new_browser(base)
            page = await browser.get("/")
            begun = await browser.get("/signin/github")
            return page.headers["Location"], begun.headers["Location"]

    page, begun = run(main())
    assert page == "/signin/google?next=%2F"
    assert begun.startswith("https://github.com/login/oauth/authorize?") and "code_challenge_method=S256" in begun


def test_the_client_of_the_readme_is_made() -> None:
    pytest.importorskip("joserfc", reason="the extra is not installed: pip install waterspout-auth[oidc]")
    from waterspout.auth.oidc import OpenIDClient

    (line, *rest) = blocks()[1].splitlines()
    names = {"OpenIDClient": OpenIDClient, "CLIENT_ID": "id", "CLIENT_SECRET": "secret"}
    exec(line, names)
    assert isinstance(names["client"], OpenIDClient)
    for call in ("client.begin(", "client.complete("):
        assert any(call in other for other in rest) and callable(getattr(names["client"], call[7:-1]))
