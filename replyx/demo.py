"""The demo's data: what the documents that ReplyX grew from take for granted, so that their lines run as written."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from replyx import accounts
from replyx.conversations import assistants, empty_dialogs, visitors, widgets
from replyx.conversations.assistants import NewAssistant
from replyx.conversations.widgets import NewWidget
from replyx.database.models import Account, Assistant, Dialog, Installation
from replyx.database.rows import Insert, exists
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.passwords import Passwords
from replyx.schemas.products import NewProduct
from replyx.shop import products
from replyx.shop.products import Verdict

PASSWORD = "password"  # noqa: S105 - printed on purpose; the demo listens on loopback only
ACCOUNTS = (
    ("admin@example.com", "Мария", "admin"),
    ("manager@example.com", "Борис", "manager"),
    ("user@example.com", "Анна", "user"),
    ("shop@example.com", "Fashion Store", "shop"),
)
ASSISTANTS = (
    NewAssistant("Консультант", "Здравствуйте! Чем помочь?", {"en": "Hello! How can we help?"}),
    NewAssistant("Support", "Hello! How can we help?", {"ru": "Здравствуйте! Чем помочь?"}),
    NewAssistant(
        "Fashion Store",
        "Здравствуйте! Подскажем по размерам, доставке и возврату.",
        {"en": "Hello! Ask us about sizes, delivery and returns."},
    ),
)
PENDING = (
    NewProduct("Красное платье", 4990.0, "Хлопок, длина миди. Размеры 42–50."),
    NewProduct("Кожаная сумка", 7490.0, "Натуральная кожа, одно отделение, ремень в комплекте."),
    NewProduct("Льняная рубашка", 3290.0, "Свободный крой, белый лён."),
)
APPROVED = (
    NewProduct("Шерстяной шарф", 1990.0, "Мериносовая шерсть, 180 × 30 см."),
    NewProduct("Джинсы прямого кроя", 5490.0, "Плотный деним, высокая посадка."),
)
ASSISTANT = 3
GUEST = "test"


_IS_DEMO = exists(Installation, f"{Installation.key} = 'demo'")
_IN_USE = tuple(exists(table) for table in (Account, Assistant, Dialog))
_ADD_FACT = Insert(Installation)


class NotEmpty(Exception):
    """The data directory holds something that the demo did not put there."""


class Exposed(Exception):
    """The demo would be shown to others, who know its passwords; the text says what to do."""


def refuse_exposed(store: Store, way_in: str | None, directory: Path) -> None:
    """Refuse to serve what the demo filled where others have a ``way_in``. Raises :class:`Exposed`."""
    if way_in is not None and store.query(_IS_DEMO):
        instead = directory.with_name("data" if directory.name != "data" else "data-live")
        raise Exposed(
            f"this database was filled by --demo, whose passwords everybody knows, and {way_in} shows it to others:"
            f" run the same command with --data-dir {instead}, which begins an empty one"
            " (with DATABASE_URL also name another database), and keep the demo for this machine"
        )


def check_directory(directory: Path, ours: Collection[str]) -> None:
    """Refuse a directory that holds files of somebody else. Raises :class:`NotEmpty`."""
    if not directory.is_dir():
        return
    foreign = [entry.name for entry in directory.iterdir() if not entry.name.startswith(tuple(ours))]
    if foreign:
        raise NotEmpty(f"--demo needs an empty data directory; this one holds {foreign[0]}. Choose another --data-dir.")


def public_passwords(on: bool) -> frozenset[str]:
    """The passwords that may be chosen although everybody knows them; none where the demo is not ``on``."""
    return frozenset({PASSWORD}) if on else frozenset()


def guests(on: bool) -> frozenset[str]:
    """The guest ids that are good for new visitors too, however short; none where the demo is not ``on``."""
    return frozenset({GUEST}) if on else frozenset()


async def fill(store: Store) -> None:
    """Fill an empty installation; one that the demo filled stays as it is. Raises :class:`NotEmpty`."""
    state = store.query(_state)
    if state == "other":
        raise NotEmpty("--demo needs an empty data directory; this one holds other data. Choose another --data-dir.")
    if state == "empty":
        with ThreadPoolExecutor(1) as pool:
            hashed = await Passwords(pool, allowed=public_passwords(True)).hash(PASSWORD)
        store.change(lambda tx: _insert(tx, hashed))


def welcome(base_url: str, internal_secret: str) -> str:
    """What to open and how to log in, for the terminal."""
    logins = "\n".join(f"  {email:<22} {role}" for email, _, role in ACCOUNTS)
    return (
        f"Shop with the widget:  {base_url}/demo-site/\n"
        f"Operators' panel:      {base_url}/admin\n"
        f"API, to read:          {base_url}/docs\n"
        f"Logins, each with the password {PASSWORD!r}:\n{logins}\n"
        f"INTERNAL_SECRET={internal_secret}"
    )


def _state(rows: Snapshot) -> str:
    if _IS_DEMO(rows):
        return "demo"
    return "other" if any(holds(rows) for holds in _IN_USE) else "empty"


def _insert(tx: Transaction, hashed: str) -> None:
    if _state(tx) == "demo":  # another process that started at the same time was faster
        return
    ids = {role: accounts.insert(tx, email, name, role, hashed).id for email, name, role in ACCOUNTS}
    for assistant in ASSISTANTS:
        assistants.create(tx, assistant)
    widgets.create(tx, NewWidget(ASSISTANT, "Сырой край", theme="#c2410c", titles={"en": "Raw Edge"}))
    _, dialog, _ = visitors.arrive(tx, ASSISTANT, None, visitors.Arrival(GUEST))
    empty_dialogs.bring_in(tx, dialog.id)  # what people copy names it, so it stays, and operators see it
    for product in (*APPROVED, *PENDING):
        submitted = products.submit(tx, ids["shop"], product)
        if product in APPROVED:
            products.decide(tx, submitted.id, Verdict("approved", "Отличный товар", 500, ids["admin"]))
    _ADD_FACT.add(tx, key="demo", value="filled")
