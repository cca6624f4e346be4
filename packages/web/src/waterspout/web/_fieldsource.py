"""Fields that the settings want in every response: ``security_headers``, ``hsts``, ``cors``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from waterspout.httputil import HTTPServerRequest
    from waterspout.web._cors import CORSPolicy

__all__ = ["FieldSource", "cors_policy"]

Pairs = tuple[tuple[str, str], ...]


class FieldSource:
    """The fields for each request; made only where one of the settings is used."""

    __slots__ = ("_always", "_cors", "_hsts")

    def __init__(self, always: Pairs, hsts: str | None, cors: CORSPolicy | None) -> None:
        self._always = always
        self._hsts = hsts
        self._cors = cors

    @classmethod
    def of(cls, settings: Mapping[str, Any], cors: CORSPolicy | None) -> FieldSource | None:
        """What *settings* want, or None. Raises ValueError for settings that cannot be sent."""
        asked = settings.get("hsts")
        if cors is None and not settings.get("security_headers") and (asked is None or asked is False):
            return None
        from waterspout.web._securityheaders import hsts_value, security_fields  # only where they are wanted

        always = tuple(security_fields(settings.get("security_headers")))
        hsts = hsts_value(settings.get("hsts"))
        return cls(always, hsts, cors) if always or hsts or cors else None

    def pairs(self, request: HTTPServerRequest) -> Pairs:
        """Names and values. HSTS is for responses over TLS alone (RFC 6797, 7.2)."""
        found = self._always
        if self._hsts is not None and request.protocol == "https":
            found += (("Strict-Transport-Security", self._hsts),)
        if self._cors is not None:
            found += tuple(self._cors.response_headers(request.headers))
        return found

    def text(self, request: HTTPServerRequest) -> str:
        """The same as lines."""
        return "".join([f"{name}: {value}\r\n" for name, value in self.pairs(request)])


def cors_policy(setting: Any) -> CORSPolicy | None:
    """The setting ``cors``: a policy, or the arguments of one. Raises TypeError for anything else."""
    if setting is None:
        return None
    from waterspout.web._cors import CORSPolicy

    if isinstance(setting, CORSPolicy):
        return setting
    if isinstance(setting, Mapping):
        return CORSPolicy(**setting)
    raise TypeError(f"the setting cors takes a CORSPolicy or a dictionary of its arguments, not {setting!r}")
