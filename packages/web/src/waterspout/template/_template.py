"""A compiled template."""

import builtins
import datetime
from collections.abc import Mapping
from types import CodeType, EllipsisType, FunctionType
from typing import Any, Protocol

from waterspout.escape import json_encode, linkify, squeeze, to_unicode, url_escape, xhtml_escape
from waterspout.template import _output
from waterspout.template._codegen import FUNCTION, Generated, generate, syntax_error
from waterspout.template._errors import ParseError
from waterspout.template._nodes import File
from waterspout.template._parser import parse
from waterspout.template._traceback import relocated
from waterspout.template._whitespace import default_mode

# What every template can use without being given it.
_DEFAULT_NAMESPACE: Mapping[str, Any] = {
    "__builtins__": builtins,
    "escape": xhtml_escape,
    "xhtml_escape": xhtml_escape,
    "url_escape": url_escape,
    "json_encode": json_encode,
    "json": _output.json,
    "squeeze": squeeze,
    "linkify": linkify,
    "url": _output.url,
    "datetime": datetime,
}
_DEFAULT_ESCAPE = "xhtml_escape"


class TemplateSource(Protocol):
    """What a template needs of its loader (`BaseLoader` has it)."""

    autoescape: str | None
    namespace: dict[str, Any]
    whitespace: str | None

    def load(self, name: str, parent_path: str | None = None) -> "Template":
        """Return the template of this name, seen from the template ``parent_path``."""


class _Compiled:
    """One form of a template's function, with what is needed to say where it failed."""

    __slots__ = ("code", "function", "generated")

    def __init__(self, generated: Generated, name: str, generated_file: str) -> None:
        try:
            code = compile(generated.source, generated_file, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise syntax_error(error, generated, name) from None
        self.code = code
        self.generated = generated
        self.function = next(
            const for const in code.co_consts if isinstance(const, CodeType) and const.co_name == FUNCTION
        )


class _GeneratedSource:
    """Lets linecache find generated code, for warnings and profilers; tracebacks name the template itself."""

    __slots__ = ("_source",)

    def __init__(self, source: str) -> None:
        self._source = source

    def get_source(self, name: str) -> str:
        return self._source


class Template:
    """A template, compiled when it is made.

    The language: ``{{ expression }}`` inserts the value of any Python expression, escaped; ``{% raw expression %}``
    inserts it as it is; ``{# comment #}`` and ``{% comment ... %}`` insert nothing; ``{{!``, ``{%!``, ``{#!`` stand
    for the literal tags. ``{% set x = y %}``, ``{% import m %}``, ``{% from m import x %}`` are Python statements;
    ``{% if %}...{% elif %}...{% else %}...{% end %}``, ``{% for %}``, ``{% while %}`` (with ``{% break %}`` and
    ``{% continue %}``) and ``{% try %}...{% except %}...{% finally %}...{% end %}`` are Python's. ``{% extends
    "file" %}`` replaces the ``{% block name %}...{% end %}`` of another template by those of this one; ``{% include
    "file" %}`` is as if the other file stood here; ``{% module Name(...) %}`` inserts a UI module; ``{% apply
    function %}...{% end %}`` inserts what the function makes of the output between. ``{% autoescape function %}``
    (or ``None``) and ``{% whitespace mode %}`` hold for their own file only.

    Always there: ``escape`` = ``xhtml_escape``, ``url_escape``, ``json_encode``, ``squeeze``, ``linkify``,
    ``datetime``, `json`, `url`. Names that begin with ``_tt_`` are reserved.

    A template is code: it may do whatever Python may. Never take its source from a user; there is no sandbox.

    ``template_string`` is the source (bytes are UTF-8), ``name`` its name in errors, ``loader`` finds the files it
    refers to. ``autoescape`` names the escaping function (None: no escaping), ``whitespace`` is a mode of
    `filter_whitespace`; both default to the loader's, then to ``xhtml_escape`` and to ``single`` for .html and .js,
    ``all`` for others. ``compress_whitespace`` is the old spelling of ``single`` (true) and ``all``. ``path`` is
    the file shown in tracebacks.

    Raises `ParseError` (for Python inside that does not compile, `TemplateSyntaxError`), with file and line.

    ``code`` is the Python source it was compiled to, ``compiled`` the code object.
    """

    __module__ = "waterspout.template"

    file: File
    autoescape: str | None
    code: str
    compiled: CodeType

    def __init__(
        self,
        template_string: str | bytes,
        name: str = "<string>",
        loader: TemplateSource | None = None,
        compress_whitespace: bool | EllipsisType = ...,
        autoescape: str | EllipsisType | None = ...,
        whitespace: str | None = None,
        *,
        path: str | None = None,
    ) -> None:
        if not isinstance(compress_whitespace, EllipsisType):
            if whitespace is not None:
                raise ValueError("cannot set both whitespace and compress_whitespace; use whitespace alone")
            whitespace = "single" if compress_whitespace else "all"
        if whitespace is None:
            whitespace = (loader.whitespace if loader else None) or default_mode(name)
        if isinstance(autoescape, EllipsisType):
            autoescape = loader.autoescape if loader else _DEFAULT_ESCAPE
        self.name = name
        self.loader = loader
        self.namespace: dict[str, Any] = loader.namespace if loader else {}
        try:
            source = to_unicode(template_string)
        except UnicodeDecodeError as error:
            error.add_note(f"The template {path or name} is not UTF-8.")
            raise
        self.file = File(name, source, path or name, autoescape)
        parse(self.file, whitespace)
        self.autoescape = self.file.autoescape
        self._generated_file = f"{name} (generated)"
        self._forms: dict[tuple[bool, bool], _Compiled] = {}
        first = self._form(batched=True, awaiting=False)
        self.code = first.generated.source
        self.compiled = first.code
        self._awaits = first.generated.awaits
        self._base: dict[str, Any] = {
            **_DEFAULT_NAMESPACE,
            "__name__": name,
            "__loader__": _GeneratedSource(self.code),
        }

    def generate(self, **kwargs: Any) -> bytes:
        """Return the output as UTF-8, with ``kwargs`` as variables beside the loader's namespace.

        An exception passes through; its traceback names the template's files and lines. A template that uses
        ``await`` raises RuntimeError: call `generate_async`.
        """
        if self._awaits:
            raise RuntimeError(f"template {self.name} uses await: call generate_async() instead of generate()")
        namespace, batched = self._namespace(kwargs)
        form = self._form(batched, awaiting=False)
        pieces: list[Any] = []
        try:
            FunctionType(form.function, namespace)(pieces.extend, _output.text, _output.raw, _output.call, _output.join)
            return _output.join(pieces)
        except Exception as error:
            error.__traceback__ = relocated(error.__traceback__, self._generated_file, form.generated.places)
            raise

    async def generate_async(self, **kwargs: Any) -> bytes:
        """`generate`, where expressions may use ``await`` and values that are awaitable are awaited, one after the
        other.
        """
        namespace, batched = self._namespace(kwargs)
        form = self._form(batched, awaiting=True)
        pieces: list[Any] = []
        try:
            await FunctionType(form.function, namespace)(
                pieces.extend, _output.text_awaited, _output.raw_awaited, _output.call_awaited, _output.join
            )
            return _output.join(pieces)
        except Exception as error:
            error.__traceback__ = relocated(error.__traceback__, self._generated_file, form.generated.places)
            raise

    def _namespace(self, variables: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """The globals to run with, and whether the escaping function is the standard one (then it is batched)."""
        namespace = {**self._base, **self.namespace, **variables}
        standard = namespace["xhtml_escape"] is xhtml_escape and namespace["escape"] is xhtml_escape
        return namespace, standard

    def _form(self, batched: bool, awaiting: bool) -> _Compiled:
        """The compiled function in one of its forms; all but the first are made when first asked for."""
        form = self._forms.get((batched, awaiting))
        if form is None:
            lookup = self._lookup if self.loader else None
            generated = generate(self.file, lookup, batched=batched, awaiting=awaiting)
            form = self._forms[batched, awaiting] = _Compiled(generated, self.name, self._generated_file)
        return form

    def _lookup(self, name: str, parent: str) -> File:
        if self.loader is None:
            raise ParseError(f"no template loader to find {name!r} with", parent)
        return self.loader.load(name, parent).file
