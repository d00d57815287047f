"""The bytes of a refusal for which no handler can speak."""

from __future__ import annotations

import time
from http.client import responses

import msgspec
from tornado import httputil

from replyx.errors import MethodNotAllowed, Problem


def problem_response(problem: Problem, *, head: bool = False) -> bytes:
    """A complete HTTP/1.1 answer that ends its connection; without the body when it answers HEAD."""
    body = msgspec.json.encode(problem.document())
    lines = [
        f"HTTP/1.1 {problem.status} {responses[problem.status]}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        f"Date: {httputil.format_timestamp(time.time())}",  # RFC 9110, 6.6.1
    ]
    if problem.retry_after is not None:
        lines.append(f"Retry-After: {problem.retry_after}")
    if isinstance(problem, MethodNotAllowed):
        lines.append("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")  # RFC 9110, 15.5.6
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if head else body)
