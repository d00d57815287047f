"""What answers a request for a host that the server does not know: a problem, and a page where a person asked."""

from __future__ import annotations

import base64
import hashlib
import html
from typing import Any

from handlers.base import Handler
from handlers.proxies import say_once
from replyx.errors import HostUnknown
from replyx.hosts import Hosts
from replyx.schemas.languages import DEFAULT, Language, preferred

STYLE = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "body{max-width:38rem;margin:12vh auto;padding:0 1.25rem}h1{font-size:1.5rem;line-height:1.25}"
    "h1,code{overflow-wrap:anywhere}code{display:block;padding:.75rem 1rem;border-radius:8px;background:#8883}"
)
STYLE_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# Of the page alone: nothing can be fetched from a server that refuses its host.
POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_DIGEST}'; base-uri 'none'; frame-ancestors 'none'"

WORDS: dict[Language, dict[str, str]] = {
    "ru": {
        "title": "Сервер не знает имени {host}",
        "visitor": "Если вы открыли ссылку, сообщите о ней тому, кто её прислал: имя в адресе другое, чем у сервера.",
        "owner": "Если сервер ваш и имя верное, задайте серверу настройку и запустите его снова:",
    },
    "en": {
        "title": "The server does not know the name {host}",
        "visitor": "If you followed a link, tell whoever sent it: the name in the address is not the server's.",
        "owner": "If the server is yours and the name is right, give it this setting and start it again:",
    },
}


class UnknownHost(Handler):
    """Refuses every method of every address, before anything else is looked at."""

    async def prepare(self) -> None:
        """Raise :class:`HostUnknown` with the setting that would let the request in."""
        host = self.request.headers.get("Host", "")[:100]
        hosts: Hosts = self.settings["hosts"]
        setting = hosts.remedy(host, self.request.headers.get("X-Forwarded-Proto", "").strip().lower())
        problem = HostUnknown(host, setting)
        say_once(f"a request was refused: {problem.detail}", key=host)
        raise problem

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """The problem, or the same in words for a person whose browser shows what comes."""
        problem = self.problem_of(kwargs["exc_info"][1] if "exc_info" in kwargs else None, status_code)
        if not isinstance(problem, HostUnknown) or "text/html" not in self.request.headers.get("Accept", ""):
            super().write_error(status_code, **kwargs)
            return
        self.set_status(problem.status)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", POLICY)
        self.finish(page(problem, preferred(self.request.headers.get("Accept-Language")) or DEFAULT))


def page(problem: HostUnknown, language: Language) -> str:
    """The refusal for people, whole: it has to do without a file of ours."""
    words, host = WORDS[language], html.escape(problem.host)
    title = words["title"].format(host=host)
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><h1>{title}</h1><p>{words['visitor']}</p><p>{words['owner']}</p>"
        f"<code>{html.escape(problem.setting)}</code></body></html>"
    )
