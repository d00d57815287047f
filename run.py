"""The composition root: settings → services → application → loop. The only place that puts the parts together."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import socket
from typing import Any

import uvloop

from handlers.http_server import HttpLimits, HttpServer
from handlers.routes import application
from handlers.ticket_sockets import ticket_engine
from replyx import cli, demo, passwords, public_address, settings
from replyx.accounts import Accounts
from replyx.auth import Authenticator, SharedSecret
from replyx.conversations.assistants import Assistants
from replyx.conversations.bans import Bans
from replyx.conversations.dialog_rules import ChatRules, DialogRules
from replyx.conversations.dialogs import Dialogs
from replyx.conversations.hours import Hours
from replyx.conversations.search import Search
from replyx.conversations.search_index import SearchIndex
from replyx.conversations.sla import Policy
from replyx.conversations.sla_watch import SlaWatch
from replyx.conversations.ticket_rules import TicketRules
from replyx.conversations.tickets import Tickets
from replyx.conversations.visitors import Visitors
from replyx.conversations.widgets import Widgets
from replyx.database.dialect import DatabaseUnusable
from replyx.database.migrations import HalfMoved, SchemaTooNew
from replyx.delivery import eventlog
from replyx.delivery.bus import Bus, LocalBus, TailWatch
from replyx.delivery.followers import Follower
from replyx.delivery.hub import Hub
from replyx.delivery.presence import LocalPresence
from replyx.delivery.recent import RECENT_EVENTS
from replyx.delivery.store import Store
from replyx.delivery.streams import Streams
from replyx.directory import Directory
from replyx.knowledge.reading import child
from replyx.knowledge.service import Knowledge
from replyx.limits import Limiter, Limits
from replyx.login_attempts import LoginAttempts
from replyx.origins import Origin, OriginPolicy
from replyx.outside.calls import Outside
from replyx.outside.push.pusher import Pusher
from replyx.outside.push.service import Push
from replyx.outside.webhooks.courier import Courier
from replyx.outside.webhooks.service import Webhooks
from replyx.process import listening, logs, tuning, workers
from replyx.process.held import Held
from replyx.process.listening import Assigned
from replyx.process.requests import Requests
from replyx.readiness import Readiness
from replyx.redis.address import RedisAddress
from replyx.redis.limits import SharedLimits
from replyx.refused_logins import RefusedLogins
from replyx.retention import Retention
from replyx.schemas.dialogs import DialogKind
from replyx.schemas.events import room_topic
from replyx.secrets_file import SecretsError, SecretsFile
from replyx.services import Services
from replyx.sessions import Sessions
from replyx.settings import Settings, SettingsError, Wrong
from replyx.shop import rooms
from replyx.shop.broadcasts import Broadcasts
from replyx.shop.platform_settings import Platform
from replyx.shop.products import Products
from replyx.tokens import Tokens

ROOT = Path(__file__).resolve().parent

JUST_CONNECTED_S = 0.3  # in which a client that connected right before a stop can still send its request

# Why a server does not start: each says it in a sentence for the terminal.
REFUSALS = (
    *(SettingsError, SecretsError, SchemaTooNew, HalfMoved, DatabaseUnusable),
    *(demo.NotEmpty, demo.Exposed, OSError),
)

log = logging.getLogger("replyx")


class Server:
    """A running ReplyX: every part, started in order and stopped in the opposite one."""

    def __init__(self, given: Settings, store: Store, secrets: SecretsFile, port: int) -> None:
        keys = secrets.load().jwt_keys
        base_url = given.base_url(port)
        epoch, top = store.query(lambda rows: (eventlog.epoch(rows), eventlog.top(rows)))
        clock = time.time
        self.tokens = Tokens(keys)
        self.pool = ThreadPoolExecutor(passwords.WORKERS, thread_name_prefix="password")
        self.hub = Hub(store, epoch, top)
        self.streams = Streams(self.hub, clock)
        self.presence = LocalPresence()
        self.presence.report("streams", self.streams.by_kind)
        self.presence.report("rooms", lambda: rooms.share(self.hub.topics_within(room_topic(""))))
        self.tail_watch = TailWatch(store, self.hub)
        self.bus, limits = self.joined(given, [key.secret for key in keys], clock)
        retention = Retention(store, given.retention_days, given.retention_events, given.empty_dialog_hours, clock)
        self.store = store
        self.outside = Outside(given.webhook_private_networks)
        courier = Courier(store, self.outside, epoch, given.webhook_retry_seconds, clock)
        webhook_follower = Follower(store, self.hub, courier, clock)
        contact = given.push_contact or (base_url if base_url.startswith("https:") else "mailto:nobody@localhost")
        pusher = Pusher(store, self.streams, self.outside, secrets, contact, clock)
        ticket_rules = TicketRules(Policy(Hours.parse(given.business_hours, given.time_zone)))
        rules: dict[DialogKind, DialogRules] = {"dialog": ChatRules(), "ticket": ticket_rules}
        self.knowledge = Knowledge(store, self.hub, rules, given.source_private_networks, clock)
        pushing = Follower(store, self.hub, pusher, clock)
        self.followers: list[Follower[Any, Any]] = [webhook_follower, pushing, *self.knowledge.followers]
        sla_watch = SlaWatch(store, ticket_rules, clock)
        directory = Directory(store, self.hub)
        bots = SharedSecret("x-internal-secret", internal_secret(given, secrets))
        authenticator = Authenticator(
            self.tokens, directory, limits, bots, SharedSecret("token", given.metrics_token), clock
        )
        hashing = passwords.Passwords(self.pool, allowed=demo.public_passwords(given.demo))
        attempts = LoginAttempts(limits, self.tokens, clock)
        self.refused = RefusedLogins(store, clock)
        index = SearchIndex(store, clock)
        self.duties: tuple[TailWatch | Retention | SlaWatch | RefusedLogins | SearchIndex, ...]
        self.duties = (self.tail_watch, retention, sla_watch, self.refused, index)
        broadcasts = Broadcasts(store, frozenset(given.broadcast_private_types))
        self.services = Services(
            settings=given,
            secrets=secrets,
            base_url=base_url,
            root=ROOT,
            clock=clock,
            store=store,
            hub=self.hub,
            bus=self.bus,
            streams=self.streams,
            presence=self.presence,
            limits=limits,
            held=Held(given.held_mb * 1024 * 1024),
            origins=OriginPolicy(Origin.parse(base_url), [o for o in map(Origin.parse, given.cors_origins) if o]),
            directory=directory,
            authenticator=authenticator,
            accounts=Accounts(store, hashing, broadcasts),
            sessions=Sessions(store, self.tokens, hashing, attempts, self.refused, given.session_days, clock),
            attempts=attempts,
            assistants=Assistants(store),
            knowledge=self.knowledge,
            widgets=Widgets(
                store, self.tokens, directory, authenticator, base_url, given.widget_token_days * 86400, clock
            ),
            dialogs=Dialogs(store, self.bus, epoch, rules, clock),
            tickets=Tickets(store, self.bus, epoch, ticket_rules, bots, given.demo, clock),
            bans=Bans(store),
            search=Search(store),
            broadcasts=broadcasts,
            visitors=Visitors(store, self.tokens, authenticator, epoch, clock, demo.guests(given.demo)),
            products=Products(store, broadcasts),
            platform=Platform(store),
            webhooks=Webhooks(store, self.outside, clock, webhook_follower.wake),
            requests=Requests(),
            readiness=Readiness(store, self.hub),
            push=Push(store, self.outside, pusher, clock),
            uptime=uptime(),
        )
        self.engine = ticket_engine(self.services)
        store.on_commit = self.bus.publish

    def joined(self, given: Settings, keys: Sequence[bytes], clock: Callable[[], float]) -> tuple[Bus, Limiter]:
        """The bus and the limits: of this process alone, or joined with others by Redis."""
        limits = Limits(given.rate_limits)
        if not given.redis_url:
            return LocalBus(self.hub), limits
        # Here, because loading redis-py takes 0.15 s and 6 MB that a server without Redis does not need.
        from replyx.redis.bus import RedisBus
        from replyx.redis.link import RedisLink

        link = RedisLink(RedisAddress.parse(given.redis_url), f"replyx-{os.getpid()}")
        shared = SharedLimits(limits, lambda taken: bus.share_spent(taken), clock)
        bus = RedisBus(link, self.hub, self.presence, keys, look=self.tail_watch.look, spent=shared.hear)
        return bus, shared

    def start(self) -> HttpServer:
        """Start every part; the server then only needs sockets."""
        self.store.start(asyncio.get_running_loop())
        self.hub.start()
        self.bus.start()
        self.streams.start()
        for duty in self.duties:
            duty.start()
        for follower in self.followers:
            follower.start()
        given = self.services.settings
        edge = application(self.services, self.tokens, self.engine)
        return HttpServer(
            edge,
            limits=HttpLimits(),
            body_rules=edge.body_rule,
            trusted_proxies=given.trusted_proxies,
            held=self.services.held,
            connections_per_address=(given.connections_per_address or None) if given.rate_limits else 0,
        )

    async def stop(self, http: HttpServer) -> None:
        """Finish what is on its way, send every client away with a time to return, then close the store."""
        self.services.readiness.end()
        http.stop_accepting()
        await asyncio.sleep(JUST_CONNECTED_S)
        http.stop()
        await self.streams.close()
        self.engine.close()
        await http.close_all_connections()
        await asyncio.gather(*(follower.close() for follower in self.followers))
        self.outside.close()
        self.knowledge.close()
        for duty in reversed(self.duties):
            await duty.close()
        await self.hub.close()
        await self.store.close()
        await self.bus.close()
        self.pool.shutdown(wait=False, cancel_futures=True)


async def serve(given: Settings, assigned: Assigned | None = None) -> None:
    """Run until SIGTERM or SIGINT; a worker also until its supervisor is gone."""
    sockets = assigned.sockets if assigned else listening_sockets(given)
    port = sockets[0].getsockname()[1]
    check_exposure(given, sockets)
    store, secrets = await opened(given, sockets)
    server = Server(given, store, secrets, port)
    public_address.remember(store, server.services.base_url)
    http = server.start()
    if assigned is None or assigned.first:
        await greet(server)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, hang_up, stopped, on_terminal())
    http.add_sockets(sockets)
    log.info("SSE Manager started: up to %d recent events in memory", RECENT_EVENTS)
    if assigned:
        loop.add_reader(assigned.lifeline, stopped.set)  # nothing is ever sent: it is readable when it ends
        assigned.ready()
    else:
        announce(given, port)
    await stopped.wait()
    if assigned:
        loop.remove_reader(assigned.lifeline)
    log.info("stopping: %d streams are asked to come back", len(server.streams))
    await server.stop(http)
    log.info("stopped")


async def supervise(given: Settings) -> int:
    """Run ``given.workers`` processes of this program on one port; the exit status."""
    passed_on = listening.from_systemd(os.environ, os.getpid())
    first = passed_on or listening.bound(given.host, given.port, beside_others=True)
    check_exposure(given, first)
    port = first[0].getsockname()[1]

    def another() -> list[socket]:
        return listening.bound(given.host, port, beside_others=True)

    places = [first, *(passed_on or another() for _ in range(given.workers - 1))]
    command = [sys.executable, *sys.orig_argv[1:]]
    supervisor = workers.Supervisor(command, places, None if passed_on else another)
    return await supervisor.run(lambda: announce(given, port))


def hang_up(stopped: asyncio.Event, had_terminal: bool) -> None:
    """SIGHUP: open the log's file anew, for whoever rotates it; a terminal that was closed takes its server along."""
    if had_terminal and not on_terminal():
        stopped.set()
        return
    try:
        logs.reopen()
    except OSError as failure:
        log.error("the log file cannot be opened anew: %s", failure)
    else:
        log.info("SIGHUP: the log file was opened anew")


def on_terminal() -> bool:
    """Whether a person's terminal stands behind the standard input."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def listening_sockets(given: Settings) -> list[socket]:
    """What systemd passed on, else the address of these settings.

    With Redis another process may listen there too, so that a new one can start before the old one stops.
    """
    passed_on = listening.from_systemd(os.environ, os.getpid())
    return passed_on or listening.bound(given.host, given.port, beside_others=bool(given.redis_url))


def check_exposure(given: Settings, sockets: Sequence[socket]) -> None:
    """Refuse what is for this machine alone on sockets that others reach. Raises :class:`settings.SettingsError`."""
    way_in = given.way_in(sockets)
    if way_in is not None:
        here = "is for loopback only, such as 127.0.0.1; listen there or leave it out"
        dangerous = {"DEMO": given.demo, "RATE_LIMITS off": not given.rate_limits}
        wrong = [Wrong(name, f"on {way_in}", here) for name, is_set in dangerous.items() if is_set]
        if wrong:
            raise SettingsError(wrong)


def announce(given: Settings, port: int) -> None:
    """Say that connections are accepted: one line on the terminal, and a word to systemd."""
    host = f"[{given.host}]" if ":" in given.host else given.host
    print(f"ReplyX is listening on http://{host}:{port}", flush=True)
    listening.notify(os.environ, "READY=1")


async def greet(server: Server) -> None:
    """Print what whoever started the server needs to know next."""
    services = server.services
    if services.settings.demo:
        secret = services.settings.internal_secret or services.secrets.load().internal_secret
        print(demo.welcome(services.base_url, secret), flush=True)
    if not await services.accounts.exist():
        code = services.secrets.ensure_setup_code()
        print(f"First start: open {services.base_url}/admin with the one-time code {code}", flush=True)


def internal_secret(given: Settings, secrets: SecretsFile) -> str:
    """The bots' secret: the one that is set, in demo mode else the generated one; empty for none."""
    return given.internal_secret or (secrets.load().internal_secret if given.demo else "")


async def opened(given: Settings, sockets: Sequence[socket]) -> tuple[Store, SecretsFile]:
    """The store of these settings, its schema up to date, and the secrets; both are made at the first start."""
    if given.demo:
        demo.check_directory(
            given.data_dir, ("replyx.db", "secrets.json", given.log_file.name if given.log_file else "-")
        )
    secrets = SecretsFile(given.data_dir, given.jwt_secret)
    secrets.load()
    store = Store.open(given.database, time.time)
    demo.refuse_exposed(store, given.way_in(sockets), given.data_dir)
    store.check_writable()
    if given.demo:
        await demo.fill(store)
    return store, secrets


def uptime() -> Callable[[], float]:
    """A clock of the seconds since now, which nobody sets."""
    began = time.monotonic()
    return lambda: time.monotonic() - began


def main(argv: Sequence[str] | None = None) -> int:
    """``replyx [serve]`` runs the server, the names in ``cli.COMMANDS`` do something else.

    A program without a Python beside it also is its own reader of documents.
    """
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == [child.FLAG]:
        child.main(*arguments[1:])
        return 0
    asked = cli.parse(arguments)
    os.umask(0o077)  # the database and the log hold what people said in confidence
    try:
        status = cli.run(asked, os.environ)
        if status is not None:
            return status
        given = settings.from_namespace(asked, os.environ)
        logs.configure(
            given.log_level, given.log_format, given.log_file, given.log_file_mb * 1_000_000, given.log_files_kept
        )
        assigned = listening.assigned(os.environ)
        if assigned is None:
            log.info("settings", extra=settings.redacted(given))
        tuning.allow_files()
        if given.workers > 1 and assigned is None:
            return asyncio.run(supervise(given))
        tuning.share_interpreter()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(given, assigned))
    except REFUSALS as refusal:
        print(f"replyx: {refusal}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
