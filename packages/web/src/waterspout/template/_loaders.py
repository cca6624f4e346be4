"""Where templates come from: a folder, a dictionary, or a class of the application's own."""

import os
import posixpath
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any, Final

from waterspout.template._errors import ParseError, TemplateNotFound
from waterspout.template._lint import lint
from waterspout.template._template import Template
from waterspout.util import is_tornado_compat

#: Files that are looked at for a name like one that is not there.
MOST_NAMES: Final = 2000
#: Times that a loader looks for such a name until it is reset: clients may be who asks, and it takes milliseconds.
MOST_HINTS: Final = 20


class BaseLoader:
    """Loads templates by name, once each. Subclasses say how a name is resolved and where its text comes from.

    ``autoescape`` (name of a function in the namespace, or None), ``namespace`` (variables for every template) and
    ``whitespace`` (see `filter_whitespace`) are the defaults of the templates it makes. With ``strict`` a template in
    which `lint` finds something is refused with a `ParseError`.

    ``templates`` holds what was loaded, ``lock`` guards it. Override `resolve_path` and ``_create_template``.
    """

    __module__ = "waterspout.template"

    lock: AbstractContextManager[Any]
    _hints_left = MOST_HINTS

    def __init__(
        self,
        autoescape: str | None = "xhtml_escape",
        namespace: dict[str, Any] | None = None,
        whitespace: str | None = None,
        *,
        strict: bool = False,
    ) -> None:
        self.autoescape = autoescape
        self.namespace: dict[str, Any] = namespace or {}
        self.whitespace = whitespace
        self.strict = strict
        self.templates: dict[str, Template] = {}
        # Reentrant: compiling a template loads those that it refers to.
        self.lock = threading.RLock()
        self._loading: list[str] = []

    def reset(self) -> None:
        """Forget all compiled templates: the next `load` of each reads it anew."""
        with self.lock:
            self.templates = {}
            self._hints_left = MOST_HINTS

    def resolve_path(self, name: str, parent_path: str | None = None) -> str:
        """Return the full name of the template that ``name`` means inside the template ``parent_path``."""
        raise NotImplementedError(f"{type(self).__name__} does not define resolve_path()")

    def load(self, name: str, parent_path: str | None = None) -> Template:
        """Return the template ``name``, compiled; ``parent_path`` is the template that refers to it.

        Raises `TemplateNotFound` if there is none and `ParseError` if it cannot be compiled.
        """
        full_name = self.resolve_path(name, parent_path=parent_path)
        found = self.templates.get(full_name)
        if found is not None:
            return found
        with self.lock:
            found = self.templates.get(full_name)
            if found is None:
                found = self.templates[full_name] = self._created(full_name)
            return found

    def _created(self, name: str) -> Template:
        if name in self._loading:
            circle = [*self._loading[self._loading.index(name) :], name]
            raise ParseError(f"templates refer to each other in a circle: {' -> '.join(circle)}", name)
        self._loading.append(name)
        try:
            template = self._create_template(name)
        finally:
            self._loading.pop()
        if self.strict:
            for finding in lint(template.file.source, name):
                raise ParseError(finding.message, name, finding.lineno)
        return template

    def _near(self, name: str, names: Callable[[], Iterable[str]]) -> str:
        """The one of *names* that may be meant by *name*, as the end of a sentence; empty if there is none."""
        if self._hints_left <= 0:
            return ""
        self._hints_left -= 1
        import difflib  # only where a name was mistyped

        near = difflib.get_close_matches(name, list(names()), 1)
        return f"; did you mean {near[0]!r}?" if near else ""

    def _create_template(self, name: str) -> Template:
        raise NotImplementedError(f"{type(self).__name__} does not define _create_template()")


class Loader(BaseLoader):
    """Loads templates from files below ``root_directory``; names are paths relative to it.

    Names in ``{% include %}`` and ``{% extends %}`` are relative to the file they stand in. A name that leads out
    of the root (``../x``, an absolute path elsewhere) is refused with `TemplateNotFound`, unless
    ``compat="tornado"``.
    """

    __module__ = "waterspout.template"

    root: str

    def __init__(self, root_directory: str, *, compat: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.root = os.path.abspath(root_directory)
        self._confined = not is_tornado_compat(compat)

    def resolve_path(self, name: str, parent_path: str | None = None) -> str:
        """Return ``name`` relative to the root, where it was relative to the file ``parent_path``."""
        if parent_path and not parent_path.startswith(("<", "/")) and not name.startswith("/"):
            beside = os.path.dirname(os.path.join(self.root, parent_path))
            full = os.path.abspath(os.path.join(beside, name))
            if self._inside(full):
                return os.path.relpath(full, self.root).replace(os.sep, "/")
        return name

    def _inside(self, path: str) -> bool:
        return path.startswith(self.root.rstrip(os.sep) + os.sep)

    def _create_template(self, name: str) -> Template:
        path = os.path.join(self.root, name)
        if self._confined and ("\0" in name or not self._inside(os.path.abspath(path))):
            raise TemplateNotFound(f"the template's name {name!r} leads out of {self.root}", name)
        try:
            with open(path, "rb") as file:
                source = file.read()
        except FileNotFoundError:
            hint = self._near(name, self._names) if os.path.isdir(self.root) else " (there is no such folder)"
            raise TemplateNotFound(f"there is no template {name!r} in {self.root}{hint}", name) from None
        return Template(source, name=name, loader=self, path=os.path.abspath(path))

    def _names(self) -> Iterator[str]:
        """Of the templates that there are, `MOST_NAMES` at most: the folder may be anything."""
        files = ((folder, name) for folder, _, names in os.walk(self.root) for name in names)
        for folder, name in islice(files, MOST_NAMES):
            yield os.path.relpath(os.path.join(folder, name), self.root).replace(os.sep, "/")


class DictLoader(BaseLoader):
    """Loads templates from a dictionary of name to source: for tests, and for templates kept elsewhere."""

    __module__ = "waterspout.template"

    def __init__(self, dict: dict[str, str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dict = dict

    def resolve_path(self, name: str, parent_path: str | None = None) -> str:
        """Return ``name`` seen from the folder of ``parent_path``."""
        if parent_path and not parent_path.startswith(("<", "/")) and not name.startswith("/"):
            return posixpath.normpath(posixpath.join(posixpath.dirname(parent_path), name))
        return name

    def _create_template(self, name: str) -> Template:
        try:
            source = self.dict[name]
        except KeyError:
            message = f"there is no template {name!r} in the dictionary{self._near(name, lambda: self.dict)}"
            raise TemplateNotFound(message, name) from None
        return Template(source, name=name, loader=self)
