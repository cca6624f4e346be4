"""How many descriptors this process may have open, and how many of them are for connections."""

from __future__ import annotations

__all__ = ["connections_allowed", "raise_descriptor_limit"]

#: Never asked for more than this, where the system allows everything: the kernel makes a table of that size.
MOST = 1 << 20
#: What is assumed where the system does not say (Windows).
UNKNOWN = 8192
#: Of all descriptors, the part that clients may take; the rest is for files, databases, pipes and listening sockets.
SHARE = 0.8


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open descriptors to the hard one, at most 1,048,576; returns the limit in force.

    The soft limit is usually 1,024, for the sake of programs that call ``select``; the loop does not.
    """
    try:
        import resource
    except ImportError:  # Windows
        return UNKNOWN
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = MOST if hard == unlimited else min(hard, MOST)
    if soft != unlimited and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # a container may forbid even that; what we have is then what counts
            return soft
        return wanted
    return MOST if soft == unlimited else soft


def connections_allowed() -> int:
    """The number of connections that leaves the process room to work: 0.8 of its descriptors."""
    return max(1, int(raise_descriptor_limit() * SHARE))
