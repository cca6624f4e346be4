"""What all tests of this package share."""

from hypothesis import settings

# Each example is judged by what it returns: on a busy machine any of them may take long.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
