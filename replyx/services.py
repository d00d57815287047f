"""Everything a handler may ask: the services of one running server, as ``run.py`` puts them together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from replyx.accounts import Accounts
from replyx.assistants import Assistants
from replyx.auth import Authenticator
from replyx.broadcasts import Broadcasts
from replyx.bus import Bus
from replyx.catalog import Catalog
from replyx.dialogs import Dialogs
from replyx.directory import Directory
from replyx.hub import Hub
from replyx.limits import Limiter
from replyx.origins import OriginPolicy
from replyx.platform_settings import Platform
from replyx.presence import Presence
from replyx.push.service import Push
from replyx.requests import Requests
from replyx.search import Search
from replyx.secrets_file import SecretsFile
from replyx.settings import Settings
from replyx.store import Store
from replyx.streams import Streams
from replyx.tickets import Tickets
from replyx.visitors import Visitors
from replyx.webhooks.service import Webhooks
from replyx.widgets import Widgets


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the server. ``clock`` gives seconds since the epoch; ``root`` holds static and templates."""

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
    origins: OriginPolicy
    directory: Directory
    authenticator: Authenticator
    accounts: Accounts
    assistants: Assistants
    broadcasts: Broadcasts
    widgets: Widgets
    dialogs: Dialogs
    search: Search
    tickets: Tickets
    visitors: Visitors
    catalog: Catalog
    platform: Platform
    webhooks: Webhooks
    requests: Requests
    push: Push
    started_at: float
