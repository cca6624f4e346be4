"""Sign-in with other sites' accounts: handlers that do all of it."""

from waterspout.auth.signin._handlers import (
    BackChannelLogoutHandler,
    BeginHandler,
    CallbackHandler,
    SignInHandler,
    SignOutHandler,
)
from waterspout.auth.signin._signin import SignIn

__all__ = [
    "BackChannelLogoutHandler",
    "BeginHandler",
    "CallbackHandler",
    "SignIn",
    "SignInHandler",
    "SignOutHandler",
]
