"""The ``{{ }}`` language: JavaScript's expression syntax over JSON values, within budgets.

A small evaluator of its own: there is no way from a value to a host object, no statement, no loop
but the functions over lists. ``compile_template`` is the door; a ``Template`` says what it reads.
"""

from sage_studio.expressions.errors import ExpressionError
from sage_studio.expressions.template import Template, compile_template, evaluate

__all__ = ["ExpressionError", "Template", "compile_template", "evaluate"]
