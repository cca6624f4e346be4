"""Bridges to other event-driven libraries: `platform.asyncio`, `platform.twisted`, `platform.caresresolver`."""

__all__: list[str] = []
