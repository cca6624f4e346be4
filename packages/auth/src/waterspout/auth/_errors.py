"""What can go wrong between this application and a provider.

    AuthError                 the sign-in did not come about
     +-- ProviderRefused      the provider said no, in its own words: `error`, `description`
     +-- ProviderUnreachable  no usable answer came: connection, status, size, or no JSON
     +-- CheckFailed          an answer came and is not to be trusted; `check` names what did not hold

None of their texts holds a token, a code or a secret. They may repeat what the provider sent: escape them like any
value before they are shown.
"""

from __future__ import annotations

import re

_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_MAX_QUOTED = 200
#: What may be a code or a token: providers have been seen to repeat them in their errors.
_TOKEN_LIKE = re.compile(r"[\w\-+=.~%]{24,}")


class AuthError(Exception):
    """A provider refused, or answered with something that is no answer.

    The text is for logs. It may repeat what the provider sent: escape it like any value before it is shown.
    """

    __module__ = "waterspout.auth"


class ProviderRefused(AuthError):
    """The provider answered with an error of its own (RFC 6749, 4.1.2.1 and 5.2).

    ``error`` is its code, for example ``access_denied`` or ``invalid_grant``; ``description`` its words, or "",
    as they came; in the text what may be a token is masked.
    """

    __module__ = "waterspout.auth"

    def __init__(self, provider: str, error: str, description: str = "") -> None:
        words = f": {quoted(_TOKEN_LIKE.sub('***', description))}" if description else ""
        super().__init__(f"{provider} refused: {quoted(error)}{words}")
        self.error = error
        self.description = description


class ProviderUnreachable(AuthError):
    """No usable answer came from the provider; ``status`` is that of the answer, None if there was none."""

    __module__ = "waterspout.auth"

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class CheckFailed(AuthError):
    """Something that was to prove who the user is does not. ``check`` names the check: ``state``, ``nonce``, ``iss``,
    ``aud``, ``exp``, ``kid``, ``signature``, ...
    """

    __module__ = "waterspout.auth"

    def __init__(self, check: str, message: str) -> None:
        super().__init__(f"{check}: {message}")
        self.check = check


def quoted(text: object) -> str:
    """What a stranger sent, fit for one line of a log: at most 200 characters, printable ASCII."""
    shown = _UNPRINTABLE.sub("?", str(text)[: _MAX_QUOTED + 1])
    return shown if len(shown) <= _MAX_QUOTED else shown[:_MAX_QUOTED] + "..."
