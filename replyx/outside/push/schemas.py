"""What browsers send and are told about push messages."""

from __future__ import annotations

from typing import Annotated

import msgspec

from replyx.schemas import sizes
from replyx.schemas.languages import Language

Key = Annotated[str, msgspec.Meta(max_length=200)]
Endpoint = Annotated[str, msgspec.Meta(min_length=1, max_length=sizes.URL)]


class PushKey(msgspec.Struct, frozen=True):
    """The server's public key: ``applicationServerKey`` of a browser's subscription (W3C Push API)."""

    key: str


class DeviceKeys(msgspec.Struct):
    """The keys of a browser's subscription, in base64url."""

    p256dh: Key
    auth: Key


class Subscribed(msgspec.Struct):
    """A browser's ``PushSubscription`` as its ``toJSON()`` gives it."""

    endpoint: Endpoint
    keys: DeviceKeys


class NewDevice(Subscribed):
    """A subscription, and the language of its notices. ``replaces`` is the endpoint that the browser had before."""

    locale: Language = "en"
    replaces: Endpoint | None = None


class OldKeys(msgspec.Struct):
    """Of a subscription's keys the one that only the browser and this server know."""

    auth: Key


class Lapsed(msgspec.Struct):
    """A subscription that is over."""

    endpoint: Endpoint
    keys: OldKeys


class ChangedDevice(Subscribed):
    """A browser's subscription has changed: the new one, and the ``old`` one whose place it takes."""

    old: Lapsed


class OldDevice(msgspec.Struct):
    """The subscription that is to end."""

    endpoint: Endpoint


class PushDevice(msgspec.Struct, frozen=True):
    """A device that gets notices while this session of the account lasts."""

    id: int
    locale: Language
    created_at: str


class PushTested(msgspec.Struct, frozen=True):
    """To how many of the account's devices a notice went, and to how many not; a device that is gone is removed."""

    sent: int
    failed: int


class Shown(msgspec.Struct, frozen=True):
    """What the service worker gets: plain text, and the page that a click opens."""

    title: str
    body: str
    url: str
    tag: str
    test: bool = False
