"""Templates that compile to Python.

The shop window of the package: the names an application uses. See `Template` for the language.
"""

from waterspout.template._errors import ParseError as ParseError
from waterspout.template._errors import TemplateNotFound as TemplateNotFound
from waterspout.template._errors import TemplateSyntaxError as TemplateSyntaxError
from waterspout.template._lint import Finding as Finding
from waterspout.template._lint import lint as lint
from waterspout.template._loaders import BaseLoader as BaseLoader
from waterspout.template._loaders import DictLoader as DictLoader
from waterspout.template._loaders import Loader as Loader
from waterspout.template._output import json as json
from waterspout.template._output import url as url
from waterspout.template._template import Template as Template
from waterspout.template._whitespace import filter_whitespace as filter_whitespace

__all__ = [
    "BaseLoader",
    "DictLoader",
    "Finding",
    "Loader",
    "ParseError",
    "Template",
    "TemplateNotFound",
    "TemplateSyntaxError",
    "filter_whitespace",
    "json",
    "lint",
    "url",
]
