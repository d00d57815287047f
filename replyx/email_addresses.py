"""E-mail addresses as names to log in by: each has one spelling, so that two that look the same are one account.

An address is brought to its one spelling before it is stored or looked for: ``<Anna@BÜCHER.example.>`` and
``anna@xn--bcher-kva.example`` are ``anna@bücher.example``.
"""

from __future__ import annotations

import re
import unicodedata

import idna
import regex

_WRITTEN = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
# What IDNA does not take: a name with an underscore, an address in brackets.
_ASCII_DOMAIN = re.compile(r"[a-z0-9_:\[\]-]+(\.[a-z0-9_:\[\]-]+)*")

_UNSEEN = regex.compile(r"[\p{Cf}\p{Default_Ignorable_Code_Point}]")


def canonical(text: str) -> str | None:
    """The one spelling of an address; None for what is no address.

    What nobody sees goes. The local part is mapped as user names are (RFC 8265, 3.3: width, case, NFC), which keeps
    apart what mail servers keep apart otherwise; the domain becomes what IDNA shows of it (UTS #46), without a dot at
    the end.
    """
    if len(text) > 1000:  # no address, and work for nothing
        return None
    seen = _UNSEEN.sub("", text).strip()
    if seen.startswith("<") and seen.endswith(">"):  # RFC 5322, 3.4: angle-addr
        seen = seen[1:-1].strip()
    local, _, domain = _narrowed(seen).rpartition("@")
    shown = _shown(domain)
    email = f"{unicodedata.normalize('NFC', local.lower())}@{shown}"
    if shown is None or _WRITTEN.fullmatch(email) is None or any(unicodedata.category(each) == "Cc" for each in email):
        return None
    return email


def older(text: str) -> str:
    """The spelling that was stored before there was one for each; of two that clash, the second account has kept it."""
    return text.strip().lower()


def _shown(domain: str) -> str | None:
    mapped = re.sub("[\u3002\uff0e\uff61]", ".", domain).removesuffix(".")
    try:
        return str(idna.decode(idna.encode(mapped, uts46=True)))
    except (idna.IDNAError, UnicodeError):
        ascii_only = mapped.lower()
        return ascii_only if _ASCII_DOMAIN.fullmatch(ascii_only) else None


def _narrowed(text: str) -> str:
    """Letters of full and half width as those of usual width (RFC 8265, 3.3.1)."""
    wide = ("<wide>", "<narrow>")
    return "".join(
        unicodedata.normalize("NFKC", each) if unicodedata.decomposition(each).startswith(wide) else each
        for each in text
    )
