"""Makes ``replyx/common_passwords.txt`` anew: ``pip install zxcvbn && python packaging/common_passwords.py``.

The package itself would cost each server 15 MB for lists of names and words that nobody here asks for.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from zxcvbn.frequency_lists import FREQUENCY_LISTS

SHORTEST = 8  # shorter ones are refused anyway
HEADER = """\
# Passwords that people choose most often, of {shortest} and more characters: from the list of zxcvbn {version}.
# That list: Copyright (c) 2012-2016 Dan Wheeler and Dropbox, Inc., under the MIT licence.
"""


def main() -> None:
    """Write the file."""
    target = Path(__file__).resolve().parents[1] / "replyx" / "common_passwords.txt"
    words = sorted({word.casefold() for word in FREQUENCY_LISTS["passwords"] if len(word) >= SHORTEST})
    header = HEADER.format(shortest=SHORTEST, version=version("zxcvbn"))
    target.write_text(header + "\n".join(words) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
