"""Passwords that everybody tries first (NIST SP 800-63B, 5.1.1.2): what people choose most often."""

from __future__ import annotations

from pathlib import Path

LIST = Path(__file__).with_name("common_passwords.txt")

# What the keys of a Russian keyboard write in Latin: on either, people choose the same keys.
_KEYS = str.maketrans("ёйцукенгшщзхъфывапролджэячсмитьбю", "`qwertyuiop[]asdfghjkl;'zxcvbnm,.")

# 4 ms at the start and 1.3 MB; read when first asked for, it would hold the loop.
_LISTED = frozenset(line for line in LIST.read_text("utf-8").splitlines() if not line.startswith("# "))


def is_common(password: str) -> bool:
    """Whether a password is on the list, in any case and on either keyboard."""
    folded = password.casefold()
    return folded in _LISTED or folded.translate(_KEYS) in _LISTED
