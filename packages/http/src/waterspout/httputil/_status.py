"""Status codes and their reason phrases (RFC 9110, 15)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

#: Reason phrase by status code, for every code the running Python's ``http.HTTPStatus`` knows.
responses: Final[dict[int, str]] = {status.value: status.phrase for status in HTTPStatus}


def reason_phrase(status: int) -> str:
    """The registered phrase of *status*, or ``"Unknown"``."""
    return responses.get(status, "Unknown")
