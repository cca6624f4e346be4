"""``waterspout check``: mistakes that can be found without serving a request."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

from waterspout.cli._arguments import Parsed
from waterspout.cli._routes import routes_of
from waterspout.cli._target import TargetError, load
from waterspout.template import Loader, ParseError, lint
from waterspout.web import Application
from waterspout.web._foreignpatterns import foreign_pattern

__all__ = ["execute", "findings"]

#: Characters of a cookie_secret that are enough: 256 bits in hexadecimal are 64, in base64 44.
SECRET_LENGTH = 32
TEMPLATE_ENDINGS = (".html", ".htm", ".txt", ".xml")


def execute(command: str, parsed: Parsed) -> int:
    """Print what is wrong, one line each; the status is 1 if there is anything."""
    try:
        application = asyncio.run(load(parsed.operands[0]))
    except TargetError as error:
        raise SystemExit(f"waterspout: {error}") from None
    found = list(findings(application))
    for line in found:
        print(line)
    print(f"{len(found)} found" if found else "nothing found")
    return 1 if found else 0


def findings(application: Any) -> Iterator[str]:
    """What is wrong with *application*: settings, routes, templates."""
    if not isinstance(application, Application):
        yield f"this is no Application but {application!r}: nothing can be said about it"
        return
    yield from _settings(application.settings)
    yield from _routes(application)
    yield from _templates(application.settings.get("template_path"))


def _settings(settings: dict[str, Any]) -> Iterator[str]:
    secrets = settings.get("cookie_secret")
    for secret in secrets.values() if isinstance(secrets, dict) else [secrets]:
        if secret is not None and len(secret) < SECRET_LENGTH:
            yield f"cookie_secret has {len(secret)} characters: whoever guesses it can sign in as anybody"
    if isinstance(secrets, dict) and settings.get("key_version") not in secrets:
        yield f"key_version is {settings.get('key_version')!r}, which is no key of cookie_secret"
    if settings.get("debug"):
        yield "debug=True: for development alone (waterspout dev switches it on by itself)"
    for name in ("static_path", "template_path"):
        if settings.get(name) and not os.path.isdir(settings[name]):
            yield f"{name}: there is no folder {settings[name]!r}"
    if secrets and not settings.get("xsrf_cookies") and not settings.get("cross_origin_protection"):
        yield "cookie_secret without xsrf_cookies or cross_origin_protection: other sites can post in a user's name"


def _routes(application: Application) -> Iterator[str]:
    names: dict[str, str] = {}
    seen: dict[tuple[str, str], str] = {}
    for route, _ in routes_of(application):
        hint = foreign_pattern(route.pattern)
        if hint is not None:
            yield f"route {hint}"
        place = (route.host, route.pattern)
        if place in seen:
            yield f"route {route.pattern} to {route.target} is never reached: {seen[place]} comes first"
        else:
            seen[place] = route.target
        if route.name and names.setdefault(route.name, route.pattern) != route.pattern:
            yield f"route name {route.name!r} is used for {names[route.name]} and for {route.pattern}"


def _templates(folder: str | None) -> Iterator[str]:
    if not folder or not os.path.isdir(folder):
        return
    loader = Loader(folder)
    for path, _, files in sorted(os.walk(folder)):
        for file in sorted(files):
            name = os.path.relpath(os.path.join(path, file), folder)
            if file.endswith(TEMPLATE_ENDINGS):
                yield from _template(loader, folder, name)


def _template(loader: Loader, folder: str, name: str) -> Iterator[str]:
    try:
        loader.load(name)
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            source = file.read()
    except (ParseError, SyntaxError, OSError, UnicodeDecodeError) as error:
        yield f"template {name}: {error}"
        return
    for finding in lint(source):
        yield f"template {name}, line {finding.lineno}: {finding.message}"
