"""A finding: one thing that was looked at, how it stands, and what to do, in the language of whoever asks."""

from __future__ import annotations

from typing import Literal

import msgspec

from replyx.doctor.words_en import ENGLISH
from replyx.doctor.words_ru import RUSSIAN

Verdict = Literal["good", "note", "bad"]
WORDS = {"en": ENGLISH, "ru": RUSSIAN}
# What is no reason to worry, and what is one but stops nothing; all else is bad.
GOOD = {
    *("program", "data_dir", "disk", "database", "database_whole", "clock", "files", "certificates", "redis", "backup"),
    *("tls", "answers", "public_url", "host", "scheme", "direct", "address", "websocket", "stream", "socketio"),
    *("widget_script", "secure", "schema_same", "upgrade_room", "upgrade_unused"),
}
NOTES = {
    *("schema_older", "files_few", "demo", "backup_old", "backup_never", "widget_nowhere", "no_public_url"),
    *("stream_unseen", "socketio_websocket", "insecure", "upgrade_in_use", "upgrade_without_copy"),
}


class Finding(msgspec.Struct, frozen=True):
    """How one thing stands. ``advice`` says what to do, if anything is; ``params`` stand in the words."""

    code: str
    verdict: Verdict
    what: str
    advice: str
    params: dict[str, str]

    def put(self, language: str) -> Finding:
        """The same in another of the :data:`WORDS`."""
        what, advice = WORDS[language][self.code]
        return msgspec.structs.replace(self, what=what.format(**self.params), advice=advice.format(**self.params))


def found(code: str, **params: object) -> Finding:
    """The finding of that code, in English."""
    texts = {name: str(value) for name, value in params.items()}
    return Finding(code, verdict_of(code), "", "", texts).put("en")


def verdict_of(code: str) -> Verdict:
    """How bad it is."""
    return "good" if code in GOOD else "note" if code in NOTES else "bad"
