"""Names for built-in types that code written for Python 2 and 3 at once still imports."""

import builtins

bytes_type = bytes
unicode_type = str
basestring_type = str

TimeoutError = builtins.TimeoutError
"""What every operation with a timeout raises; the same class as asyncio.TimeoutError."""
