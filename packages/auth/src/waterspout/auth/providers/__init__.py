"""Providers that are known by name: their addresses and ways, in one table."""

from waterspout.auth.providers._provider import provider
from waterspout.auth.providers._table import PRESETS, Preset

__all__ = ["PRESETS", "Preset", "provider"]
