"""Everything a handler may ask: the services of one running server, as ``run.py`` puts them together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from replyx.accounts import Accounts
from replyx.auth import Authenticator
from replyx.conversations.assistants import Assistants
from replyx.conversations.bans import Bans
from replyx.conversations.dialogs import Dialogs
from replyx.conversations.search import Search
from replyx.conversations.tickets import Tickets
from replyx.conversations.visitors import Visitors
from replyx.conversations.widgets import Widgets
from replyx.delivery.bus import Bus
from replyx.delivery.hub import Hub
from replyx.delivery.presence import Presence
from replyx.delivery.store import Store
from replyx.delivery.streams import Streams
from replyx.directory import Directory
from replyx.limits import Limiter
from replyx.login_attempts import LoginAttempts
from replyx.origins import OriginPolicy
from replyx.outside.push.service import Push
from replyx.outside.webhooks.service import Webhooks
from replyx.process.held import Held
from replyx.process.requests import Requests
from replyx.readiness import Readiness
from replyx.secrets_file import SecretsFile
from replyx.sessions import Sessions
from replyx.settings import Settings
from replyx.shop.broadcasts import Broadcasts
from replyx.shop.platform_settings import Platform
from replyx.shop.products import Products


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the server.

    ``clock`` gives seconds since the epoch, ``uptime`` those since the start; ``root`` holds static and templates.
    """

    settings: Settings
    secrets: SecretsFile
    base_url: str
    root: Path
    clock: Callable[[], float]
    store: Store
    hub: Hub
    bus: Bus
    streams: Streams
    presence: Presence
    limits: Limiter
    held: Held
    origins: OriginPolicy
    directory: Directory
    authenticator: Authenticator
    accounts: Accounts
    sessions: Sessions
    attempts: LoginAttempts
    assistants: Assistants
    broadcasts: Broadcasts
    widgets: Widgets
    bans: Bans
    dialogs: Dialogs
    search: Search
    tickets: Tickets
    visitors: Visitors
    products: Products
    platform: Platform
    webhooks: Webhooks
    requests: Requests
    readiness: Readiness
    push: Push
    uptime: Callable[[], float]
