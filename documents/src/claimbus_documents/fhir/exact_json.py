"""JSON with decimal numbers as they are: `Decimal("335.00")` is written 335.00.

The standard library's writer knows no Decimal, and a float would make 335.0 of it and 0.30000000000000004 of a sum.
"""

import json
from decimal import Decimal
from typing import Any


def to_json(value: Any) -> str:
    """One line of JSON of dicts, lists, text, whole numbers, truth values, null and finite decimals.

    Raises `TypeError` for anything else, binary floats among them.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {to_json(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(to_json, value)) + "]"
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"
    if value is None or isinstance(value, bool | int | str):
        return json.dumps(value, ensure_ascii=False)
    raise TypeError(f"{type(value).__name__} has no exact JSON")
