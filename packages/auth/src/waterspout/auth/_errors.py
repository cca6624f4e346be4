"""What goes wrong at sign-in."""

from __future__ import annotations

__all__ = ["AuthError"]


class AuthError(Exception):
    """A provider did not confirm who the user is: it refused, answered nonsense, or could not be reached.

    The message says which step failed; it never holds tokens, codes or secrets.
    """

    __module__ = "waterspout.auth"
