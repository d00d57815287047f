"""``/openapi.json`` (OpenAPI 3.1), made from the structs that validate the requests, and a page that shows it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http.client import responses
from typing import Any

import msgspec

from handlers import cookies
from handlers.access import ROLES, SECRET_HEADER, Access
from handlers.base import Handler, Operation, Route, operation
from handlers.pages import Page
from replyx import __version__, errors
from replyx.errors import Problem

METHODS = ("get", "post", "put", "patch", "delete")

SECURITY: dict[Access, list[dict[str, list[str]]]] = {
    Access.PUBLIC: [],
    Access.WIDGET: [],
    **{access: [{"bearer": []}, {"token": []}, {"panel": []}] for access in ROLES},
    Access.INTERNAL: [{"internal_secret": []}],
    Access.MONITOR: [{"metrics_token": []}],
    Access.SITE: [{"site_token": []}],
    Access.GUEST: [{"assistant_id": [], "guest_id": []}],
    Access.PARTICIPANT: [
        {"bearer": []},
        {"token": []},
        {"panel": []},
        {"site_token": []},
        {"assistant_id": [], "guest_id": []},
    ],
}

SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "token": {"type": "apiKey", "in": "query", "name": "token"},
    "panel": {
        "type": "apiKey",
        "in": "cookie",
        "name": cookies.SESSION,
        "description": f"{cookies.PREFIX}{cookies.SESSION} where PUBLIC_URL is https",
    },
    "site_token": {"type": "apiKey", "in": "query", "name": "site_token"},
    "internal_secret": {"type": "apiKey", "in": "header", "name": SECRET_HEADER},
    "metrics_token": {"type": "http", "scheme": "bearer"},
    "assistant_id": {"type": "apiKey", "in": "query", "name": "assistant_id"},
    "guest_id": {"type": "apiKey", "in": "query", "name": "guest_id"},
}

NUMBER = {"type": "integer", "minimum": 0}
TOKEN = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "holder": {
            "type": "object",
            "description": "with the code taken: the operator who was first",
            "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail", "code"],
                "properties": {
                    **{name: {"type": "string"} for name in ("field", "detail", "code", "reason")},
                    "params": {
                        "type": "object",
                        "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                    },
                },
            },
        },
    },
}


def document(routes: Sequence[Route], base_url: str) -> dict[str, Any]:
    """The OpenAPI document of ``routes``; WebSocket routes are not HTTP operations and are left to the docs."""
    shapes = _shapes(routes)
    found, components = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(shapes, found, strict=True))
    paths: dict[str, Any] = {}
    for route in routes:
        operations = {
            method: _operation(route, method, declared, schema_of)
            for method in METHODS
            if (declared := getattr(getattr(route.handler, method), "operation", None)) is not None
        }
        if operations:
            paths[route.path.replace(":token}", "}")] = operations
    return {
        "openapi": "3.1.0",
        "info": {"title": "ReplyX", "version": __version__},
        "servers": [{"url": base_url}],
        "paths": paths,
        "components": {"schemas": {**components, "Problem": PROBLEM}, "securitySchemes": SCHEMES},
    }


def access_of(route: Route, declared: Operation) -> Access:
    """Who may call: the method's own rule where it has one, else the route's."""
    return declared.access or route.access


def problem_types() -> list[type[Problem]]:
    """Every problem that the server can answer, by status and code."""
    found = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Problem)]
    return sorted((kind for kind in found if kind is not Problem), key=lambda kind: (kind.status, kind.code))


def _shapes(routes: Sequence[Route]) -> list[Any]:
    shapes: dict[Any, None] = {}
    for route in routes:
        for method in METHODS:
            declared: Operation | None = getattr(getattr(route.handler, method), "operation", None)
            if declared is None:
                continue
            for shape in (declared.body, declared.query, *declared.answers.values()):
                if shape is not None and shape is not str:
                    shapes[shape] = None
    return list(shapes)


def _operation(route: Route, method: str, declared: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": declared.summary,
        "description": f"Access: {access_of(route, declared).value}.",
        "operationId": "_".join([method, *re.findall(r"\w+", route.path)]),
        "tags": [route.path.split("/")[-1] if route.path.count("/") < 2 else route.path.split("/")[1]],
        "parameters": _parameters(route, declared),
        "responses": _responses(route, declared, schema_of),
        "security": SECURITY[access_of(route, declared)],
    }
    if declared.body is not None:
        described["requestBody"] = {
            "required": any(field.required for field in msgspec.structs.fields(declared.body)),
            "content": {"application/json": {"schema": schema_of[declared.body]}},
        }
    elif route.body.streams and method != "get":
        described["requestBody"] = {
            "required": True,
            "content": {"application/octet-stream": {}},
        }  # OpenAPI 3.1, 4.8.14.3
    if "requestBody" in described:
        described["requestBody"]["description"] = f"At most {route.body.most} bytes."
        described["requestBody"]["x-max-bytes"] = route.body.most
    return described


def _parameters(route: Route, declared: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": TOKEN if token else NUMBER}
        for name, token in re.findall(r"\{(\w+)(:token)?\}", route.path)
    ]
    if declared.query is not None:
        shown = msgspec.json.schema_components([declared.query])[1][declared.query.__name__]
        found += [
            {"name": name, "in": "query", "required": name in shown.get("required", []), "schema": schema}
            for name, schema in shown["properties"].items()
        ]
    return found


def _responses(route: Route, declared: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, shape in declared.answers.items():
        answers[str(status)] = {"description": responses[status]}
        if shape is not None:
            schema = {"type": "string"} if shape is str else schema_of[shape]
            answers[str(status)]["content"] = {declared.media_type: {"schema": schema}}
    for status, codes in _problems(route, declared).items():
        answers[str(status)] = {
            "description": f"{responses[status]}: {', '.join(codes)}",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return answers


def _problems(route: Route, declared: Operation) -> dict[int, list[str]]:
    """By status, the codes that a call can meet: those it declares and those of its access and its input."""
    kinds: set[type[Problem]] = {*declared.problems, errors.TooManyRequests, errors.StoreUnavailable}
    kinds |= {errors.OriginRefused, errors.HostUnknown}
    access = access_of(route, declared)
    if access is Access.INTERNAL:
        kinds |= {errors.CredentialMissing, errors.CredentialInvalid}
    elif SECURITY[access]:
        kinds |= {errors.CredentialMissing, errors.CredentialInvalid, errors.CredentialExpired, errors.WrongEndpoint}
    if access in ROLES:
        kinds |= {errors.Forbidden, errors.XsrfRefused}
    if declared.body is not None:
        kinds |= {errors.Malformed, errors.Invalid, errors.BodyTooLarge, errors.UnsupportedMediaType}
    if declared.query is not None:
        kinds |= {errors.Invalid}
    found: dict[int, list[str]] = {}
    for kind in sorted(kinds, key=lambda kind: (kind.status, kind.code)):
        found.setdefault(kind.status, []).append(kind.code)
    return found


class Document(Handler):
    @operation("This API, as OpenAPI 3.1", answers={200: dict[str, Any]})
    async def get(self) -> None:
        self.set_header("Access-Control-Allow-Origin", "*")
        self.finish(self.settings["openapi"])


class DocsPage(Page):
    @operation("This API, to read", answers={200: str}, media_type="text/html")
    async def get(self) -> None:
        api = msgspec.json.decode(self.settings["openapi"])
        self.show("docs.html", api=api)


class ErrorsPage(Page):
    @operation("Every problem code", answers={200: str}, media_type="text/html")
    async def get(self) -> None:
        self.show("errors.html", problems=problem_types(), close_codes=errors.CLOSE_CODES)
