"""What goes over the wire as TypeScript types, from the structs that the server encodes and decodes with.

``python -m tests.javascript.wire FILE`` writes them as the namespace ``Wire``, by which the pages' JSDoc names them. So
a field that the server renames is an error in every page that reads it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from handlers import openapi
from handlers.routes import ROUTES
from replyx.schemas.events import DURABLE, EPHEMERAL

BASIC = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def written(schema: dict[str, Any]) -> str:
    """A JSON schema, as msgspec makes them, as a type."""
    if "$ref" in schema:
        return named(schema["$ref"].rsplit("/", 1)[-1])
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " | ".join(msgspec.json.encode(value).decode() for value in values)
    if "anyOf" in schema:
        return " | ".join(written(each) for each in schema["anyOf"])
    kind = schema.get("type")
    if kind == "array":
        return f"({written(schema.get('items', {}))})[]"
    if kind == "object" and "properties" in schema:
        required = schema.get("required", ())
        fields = (
            f"{msgspec.json.encode(name).decode()}{'' if name in required else '?'}: {written(each)};"
            for name, each in schema["properties"].items()
        )
        return f"{{ {' '.join(fields)} }}"
    if kind == "object":
        return f"Record<string, {written(schema.get('additionalProperties', {}) or {})}>"
    return BASIC.get(kind or "", "any")


def named(component: str) -> str:
    """The name of a type: ``Page_Account_`` becomes ``PageOfAccount``."""
    return component.rstrip("_").replace("_", "Of")


def declarations() -> str:
    """All types, and ``Event``: any event that a client may hear."""
    components = openapi.document(ROUTES, "")["components"]["schemas"]
    events = [*DURABLE, *EPHEMERAL]
    components |= msgspec.json.schema_components(events)[1]
    lines = [f"  type {named(name)} = {written(schema)};" for name, schema in sorted(components.items())]
    lines.append(f"  type Event = {' | '.join(event.__name__ for event in events)};")
    return "\n".join(["declare namespace Wire {", *lines, "}", ""])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(declarations(), "utf-8")
