"""Signing in with other sites' accounts."""

from waterspout.auth._errors import AuthError
from waterspout.auth._oauth2 import OAuth2Mixin

__all__ = ["AuthError", "OAuth2Mixin"]
