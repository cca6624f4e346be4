"""ObjectDict: a dictionary whose string keys are attributes as well."""

from typing import Any


class ObjectDict(dict[str, Any]):
    """A dictionary that also answers to attribute access.

    `d.name` is `d["name"]`; a missing name raises AttributeError. Names that dict itself has
    (`items`, `get`, ...) stay dict's methods.
    """

    __module__ = "waterspout.util"

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value
