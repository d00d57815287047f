"""The process that reads one document: ``python -m replyx.knowledge.reading.child KIND [CHARSET]``.

Bytes come on the standard input, one JSON object leaves on the standard output. Somebody else's document is read with
bounds that the system holds: what takes too long or too much memory ends this process and nothing else.
"""

from __future__ import annotations

import resource
import sys

import msgspec

MEMORY_BYTES = 768 * 1024 * 1024
CPU_S = 10
FLAG = "--read-document"  # before KIND, where the program has no Python beside it
KINDS = ("html", "pdf", "docx", "text", "sitemap")


def bound() -> None:
    """Let the system end this process when it takes more than its share."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def read(kind: str, charset: str, data: bytes) -> msgspec.Struct:
    """A :class:`Document`, a :class:`SiteMap`, or :class:`Unreadable`."""
    # Here, because the parsers are loaded under the bounds as well.
    from replyx.knowledge.reading import files, page, text
    from replyx.knowledge.reading.document import Obstructed, Unreadable

    try:
        if kind == "html":
            return page.read_page(data, charset)
        if kind == "text":
            return text.read_text(data, charset)
        return {"pdf": files.read_pdf, "docx": files.read_docx, "sitemap": files.read_sitemap}[kind](data)
    except Obstructed as obstructed:
        return Unreadable(obstructed.obstacle.value)


def main(kind: str, charset: str = "") -> None:
    """Read what comes in and say what it was."""
    bound()
    sys.stdout.buffer.write(msgspec.json.encode(read(kind, charset, sys.stdin.buffer.read())))


if __name__ == "__main__":
    main(*sys.argv[1:])
