"""What an application waits for when there is nothing for it yet."""

from __future__ import annotations

import asyncio

__all__ = ["Change"]


class Change:
    """The next change of something, for any number of tasks; one that gives up does not stop the others."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next: asyncio.Future[None] | None = None

    def tell(self) -> None:
        """Wake all who wait now. They look what has changed, and wait again if it is not for them."""
        if self._next is not None and not self._next.done():
            self._next.set_result(None)

    async def wait(self) -> None:
        """Until the next `tell`."""
        if self._next is None or self._next.done():
            self._next = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._next)
