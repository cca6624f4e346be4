"""Cross-origin resource sharing: which foreign pages may read responses (Fetch standard, 3.2)."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_TOKENS = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*,[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+)*")
_MAX_AGE = 600


@dataclass(frozen=True, slots=True)
class CORSPolicy:
    """Whom to let in. Origins are compared whole: ``https://app.example``; ``"*"`` is everyone; ``"null"`` only if
    it is listed.

    ``allow_credentials`` lets pages send cookies; together with ``"*"`` it is refused, since then any page could
    read what the user may read. ``allow_headers`` and ``expose_headers`` are header names, ``max_age`` the seconds
    a preflight is remembered. Raises ValueError for that combination and for origins with a path.
    """

    __module__ = "waterspout.web"

    allow_origins: Collection[str]
    allow_methods: Collection[str] = ("GET", "HEAD", "POST")
    allow_headers: Collection[str] = ()
    expose_headers: Collection[str] = ()
    allow_credentials: bool = False
    max_age: int = _MAX_AGE

    def __post_init__(self) -> None:
        if isinstance(self.allow_origins, str):
            raise ValueError(f"allow_origins must be a list of origins, not the string {self.allow_origins!r}")
        if self.allow_credentials and "*" in self.allow_origins:
            raise ValueError(
                'allow_credentials needs a list of origins: with "*" every page could read with the user\'s cookies'
            )
        for origin in self.allow_origins:
            if origin not in ("*", "null") and (origin.count("/") != 2 or "://" not in origin):
                raise ValueError(f"{origin!r} is no origin: write scheme://host or scheme://host:port")

    def allows(self, origin: str) -> bool:
        """Whether pages of ``origin`` may read; exact, but for the case of letters."""
        if origin == "null":
            return "null" in self.allow_origins
        return "*" in self.allow_origins or origin.lower() in {allowed.lower() for allowed in self.allow_origins}

    def response_headers(self, request_headers: Mapping[str, str]) -> list[tuple[str, str]]:
        """The fields to add to a response; ``Vary: Origin`` wherever the answer depends on the origin, also when it
        is no.
        """
        headers = [] if self._for_everyone else [("Vary", "Origin")]
        origin = request_headers.get("Origin")
        if origin is None or not self.allows(origin):
            return headers
        headers.append(("Access-Control-Allow-Origin", "*" if self._for_everyone else origin))
        if self.allow_credentials:
            headers.append(("Access-Control-Allow-Credentials", "true"))
        if self.expose_headers:
            headers.append(("Access-Control-Expose-Headers", ", ".join(self.expose_headers)))
        return headers

    def preflight_headers(self, request_headers: Mapping[str, str]) -> list[tuple[str, str]] | None:
        """The fields of the answer (204) to a preflight; None if the request is no preflight.

        What is not allowed is not named in them, and the browser refuses it.
        """
        method = request_headers.get("Access-Control-Request-Method")
        if "Origin" not in request_headers or method is None:
            return None
        headers = [
            field for field in self.response_headers(request_headers) if field[0] != "Access-Control-Expose-Headers"
        ]
        if not any(name == "Access-Control-Allow-Origin" for name, _ in headers):
            return headers
        headers.append(("Access-Control-Allow-Methods", ", ".join(self.allow_methods)))
        wanted = request_headers.get("Access-Control-Request-Headers", "").strip(" \t")
        if _TOKENS.fullmatch(wanted):
            allowed = {name.lower() for name in self.allow_headers}
            granted = [name for name in map(str.strip, wanted.split(",")) if name.lower() in allowed]
            if granted:
                headers.append(("Access-Control-Allow-Headers", ", ".join(granted)))
        headers.append(("Access-Control-Max-Age", str(self.max_age)))
        return headers

    def with_vary(self, vary: str) -> str:
        """The value *vary* of a Vary field, with ``Origin`` added where the answer depends on it."""
        names = {name.strip(" \t").lower() for name in vary.split(",")}
        return vary if self._for_everyone or names & {"origin", "*"} else f"{vary}, Origin"

    @property
    def _for_everyone(self) -> bool:
        return "*" in self.allow_origins and "null" not in self.allow_origins
