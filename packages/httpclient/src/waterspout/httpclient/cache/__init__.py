"""A private HTTP cache (RFC 9111) in front of any client."""

from waterspout.httpclient.cache._client import CachedHTTPClient
from waterspout.httpclient.cache._store import MemoryStore, Store, StoredResponse

__all__ = ["CachedHTTPClient", "MemoryStore", "Store", "StoredResponse"]
