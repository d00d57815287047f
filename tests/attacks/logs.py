"""Requests that are refused at once, and cost what the line about them in the log costs."""

from __future__ import annotations

import itertools

from tests.attacks.attacker import Attacker, request

URI_BYTES = 8_000  # just below what a request's target may have

# Names of secrets with a quote that could begin their value, each of which may end at any of the next.
CHAINS = ("/", "jwt=\\'"), ("/static/", "{'password':'"), ("/static/", 'key=\\"'), ("/", "token%253D%5C%22")


def target(before: str, link: str) -> str:
    """As many links as a target can hold."""
    return before + link * ((URI_BYTES - len(before)) // len(link))


async def redaction(attacker: Attacker) -> None:
    """Chains of names of secrets and quotes in the path, one request after the other over one connection."""
    requests = [request("GET", target(*chain)) for chain in CHAINS]
    await attacker.repeat(itertools.cycle(requests))


async def flood(attacker: Attacker) -> None:
    """The longest paths that are accepted, as fast as they are answered, over one connection."""
    await attacker.repeat(itertools.repeat(request("GET", "/" + "a" * URI_BYTES)), ahead=50)
