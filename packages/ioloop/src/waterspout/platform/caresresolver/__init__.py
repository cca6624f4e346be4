"""Name resolution by c-ares, without threads; needs the package pycares (the extra ``cares``)."""

from waterspout.platform.caresresolver._resolver import CaresResolver

__all__ = ["CaresResolver"]
