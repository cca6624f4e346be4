"""One browser's session: what is remembered of it from request to request."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from typing import Any

from waterspout.auth._secrets import new_token


class Session(MutableMapping[str, Any]):
    """A dictionary of JSON values that belongs to one browser, and who is signed in there.

    Changes are kept when `Sessions.save` (a handler's ``await self.save_session()``) is called, and by ``sign_in``
    and ``sign_out``. ``user`` is what ``sign_in`` was given, None if nobody is signed in. ``created`` and
    ``signed_in`` are seconds since the epoch; ``signed_in`` is 0 where nobody is.
    """

    __module__ = "waterspout.auth.sessions"
    __slots__ = ("_values", "created", "id", "is_changed", "is_new", "signed_in", "user")

    id: str
    created: float
    user: dict[str, Any] | None
    signed_in: float
    is_new: bool
    is_changed: bool

    def __init__(
        self,
        id: str,
        created: float,
        *,
        user: dict[str, Any] | None = None,
        signed_in: float = 0.0,
        values: dict[str, Any] | None = None,
        is_new: bool = False,
    ) -> None:
        self.id = id
        self.created = created
        self.user = user
        self.signed_in = signed_in
        self.is_new = is_new
        self.is_changed = False
        self._values = values or {}

    @classmethod
    def new(cls, now: float) -> Session:
        """An empty session with an id that nobody knows."""
        return cls(new_token(), now, is_new=True)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = value
        self.is_changed = True

    def __delitem__(self, name: str) -> None:
        del self._values[name]
        self.is_changed = True

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        # Neither id nor values: the id is as good as a password, and values may be.
        return f"<{type(self).__name__} {'of a signed-in user' if self.user is not None else 'of nobody'}>"

    def rotate(self) -> None:
        """Take a new id. Whoever knew the old one, or planted it, knows nothing any more."""
        self.id = new_token()
        self.is_changed = True

    def to_json(self) -> bytes:
        """The session as bytes. TypeError for values that are no JSON."""
        fields = {
            "i": self.id,
            "c": round(self.created, 3),
            "u": self.user,
            "s": round(self.signed_in, 3),
            "v": self._values,
        }
        return json.dumps(fields, separators=(",", ":"), allow_nan=False).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Session:
        """The session that `to_json` made bytes of; ValueError for anything else."""
        try:
            fields = json.loads(data)
            return cls(fields["i"], fields["c"], user=fields["u"], signed_in=fields["s"], values=fields["v"])
        except (KeyError, TypeError) as error:
            raise ValueError("no session of ours") from error
