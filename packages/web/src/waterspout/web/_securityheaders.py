"""Fields that tell browsers to be careful: the settings ``security_headers`` and ``hsts``."""

from __future__ import annotations

from collections.abc import Mapping

from waterspout.httputil import HTTPHeaders

__all__ = ["DEFAULTS", "hsts_value", "security_fields"]

#: What ``security_headers=True`` sends with every response; a handler may set another value or clear the field.
DEFAULTS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def security_fields(setting: bool | Mapping[str, str | None] | None) -> list[tuple[str, str]]:
    """The fields: those of `DEFAULTS` for True; for a mapping these with its own, where None leaves one out.

    Raises ValueError for names and values that cannot be sent.
    """
    if not setting:
        return []
    wanted: dict[str, str | None] = dict(DEFAULTS)
    if isinstance(setting, Mapping):
        own = {name.lower(): name for name in setting}
        wanted = {name: value for name, value in wanted.items() if name.lower() not in own}
        wanted.update(setting)
    headers = HTTPHeaders()
    for name, value in wanted.items():
        if value is not None:
            headers.add(name, value)
    return list(headers.get_all())


def hsts_value(setting: bool | int | str | None) -> str | None:
    """The value of Strict-Transport-Security (RFC 6797): a year for True, seconds, or as it is written.

    Raises ValueError for what browsers would not understand.
    """
    if setting is None or setting is False:
        return None
    if isinstance(setting, str):
        if "max-age=" not in setting.lower() or not setting.isprintable() or not setting.isascii():
            raise ValueError(f"hsts={setting!r} has no max-age: give seconds, or 'max-age=...; includeSubDomains'")
        return setting
    seconds = 31_536_000 if setting is True else int(setting)
    if seconds < 0:
        raise ValueError(f"hsts takes seconds, not {setting!r}")
    return f"max-age={seconds}"
