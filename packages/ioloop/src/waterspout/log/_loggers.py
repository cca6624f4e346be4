"""The three loggers that everything in Waterspout writes to.

They are set up by the standard library's logging configuration like any others. Modules import the
objects; their names may change (`use_logger_names`), the objects stay.
"""

import logging

access_log: logging.Logger = logging.getLogger("waterspout.access")
"""One line for each request that a server answered."""

app_log: logging.Logger = logging.getLogger("waterspout.application")
"""Errors in the application's code: exceptions that nothing caught."""

gen_log: logging.Logger = logging.getLogger("waterspout.general")
"""Everything else: warnings about peers, the system and Waterspout itself."""

_STREAMS = (("access", access_log), ("application", app_log), ("general", gen_log))


def use_logger_names(prefix: str) -> None:
    """Let the three loggers be called `<prefix>.access`, `.application` and `.general`.

    The objects stay the same, so that modules which imported them write under the new name, and
    ``logging.getLogger(prefix + ".access") is access_log`` from then on; the names they had before
    still lead to them. Handlers, filters and a level that were given to a logger of the new name
    are taken over. Calling it again with the same prefix changes nothing.
    """
    manager = logging.Logger.manager
    parent = logging.getLogger(prefix)
    for stream, logger in _STREAMS:
        name = f"{prefix}.{stream}"
        if logger.name == name:
            continue
        namesake = manager.loggerDict.get(name)
        if isinstance(namesake, logging.Logger) and namesake is not logger:
            _take_over(logger, namesake)
        logger.name = name
        logger.parent = parent
        manager.loggerDict[name] = logger
        # Also forgets what each logger has cached about its effective level.
        logger.setLevel(logger.level)


def _take_over(logger: logging.Logger, namesake: logging.Logger) -> None:
    """Give `logger` what was configured on `namesake`, and let both share handlers from now on.

    Somebody may hold on to the namesake: a handler that is added to it later must still be found.
    """
    logger.handlers += [each for each in namesake.handlers if each not in logger.handlers]
    logger.filters += [each for each in namesake.filters if each not in logger.filters]
    namesake.handlers = logger.handlers
    namesake.filters = logger.filters
    logger.level = namesake.level or logger.level
    logger.propagate = namesake.propagate
    logger.disabled = namesake.disabled
