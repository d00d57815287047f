"""What a screen reader is given, asked of the browser itself (Chromium's accessibility tree)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Page

# WCAG 2.2, 4.1.2: what can be operated has a name.
OPERATED = {"button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "DisclosureTriangle", "Iframe"}
OPERATED |= {"ColorWell", "spinbutton", "switch", "tab", "menuitem"}


def nodes(page: Page) -> list[tuple[str, str]]:
    """Role and name of everything that is not hidden from a screen reader, frames of the same site included."""
    session = page.context.new_cdp_session(page)
    try:
        tree = session.send("Page.getFrameTree")["frameTree"]
        found = []
        for frame_id in _frames(tree):
            answer = session.send("Accessibility.getFullAXTree", {"frameId": frame_id})
            found += [(_value(node, "role"), _value(node, "name")) for node in answer["nodes"] if not node["ignored"]]
        return found
    finally:
        session.detach()


def nameless(page: Page) -> list[str]:
    """Roles of the controls that a screen reader could only call by their role."""
    return [role for role, name in nodes(page) if role in OPERATED and not name.strip()]


def _frames(tree: dict[str, Any]) -> Iterator[str]:
    yield tree["frame"]["id"]
    for child in tree.get("childFrames", ()):
        yield from _frames(child)


def _value(node: dict[str, Any], what: str) -> str:
    return str(node.get(what, {}).get("value", ""))
