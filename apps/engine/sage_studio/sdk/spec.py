"""Node specs as a node author imports them; the shapes live with the flow document, which checks
flows against them (``sage_studio.flow.spec``)."""

from __future__ import annotations

from sage_studio.flow.spec import (
    Body as Body,
    Category as Category,
    Choice as Choice,
    Control as Control,
    Effect as Effect,
    ExpressionUse as ExpressionUse,
    Field as Field,
    FieldType as FieldType,
    Needs as Needs,
    NodeSpec as NodeSpec,
    Port as Port,
    text as text,
)
