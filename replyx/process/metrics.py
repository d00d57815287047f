"""Metrics for Prometheus: every one that there is, with its help.

They are read from the parts when somebody asks; only what stands in :mod:`replyx.tally`, and HTTP requests, are counted
as they go by. The figures are those of the process that answers, but for what the database tells of the installation.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from replyx import __version__
from replyx.delivery.bus import Bus
from replyx.delivery.hub import Hub
from replyx.delivery.store import Store
from replyx.delivery.streams import Streams
from replyx.limits import RULES
from replyx.process.held import WHY, Held
from replyx.process.requests import Requests
from replyx.readings import Readings
from replyx.tally import ATTEMPTS, NOTICES, SENDERS, tally

LIMITS = tuple(rule.name for rule in RULES)
FORMAT = "text/plain; version=0.0.4; charset=utf-8"


def text(
    requests: Requests,
    streams: Streams,
    hub: Hub,
    store: Store,
    bus: Bus,
    held: Held,
    read: Readings | None,
    free_bytes: int,
) -> bytes:
    """Every metric of this moment, as :data:`FORMAT`; what the database would tell is left out without ``read``."""
    registry = CollectorRegistry()
    registry.register(Parts(requests, streams, hub, store, bus, held))
    registry.register(Installation(read, free_bytes))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return generate_latest(registry)


class Parts(Collector):
    """What the parts of one process know of themselves."""

    def __init__(self, requests: Requests, streams: Streams, hub: Hub, store: Store, bus: Bus, held: Held) -> None:
        self._requests = requests
        self._streams = streams
        self._hub = hub
        self._store = store
        self._bus = bus
        self._held = held

    def collect(self) -> Iterable[Metric]:
        """See prometheus-client: asked for by the registry."""
        yield from self._delivery()
        yield from self._writing()
        yield from self._http()
        yield from self._counted()

    def _delivery(self) -> Iterable[Metric]:
        hub, bus = self._hub, self._bus
        connections = GaugeMetricFamily("replyx_connections", "Open streams and sockets by kind", labels=["kind"])
        for kind, count in sorted(self._streams.by_kind().items()):
            connections.add_metric([kind], count)
        connected = GaugeMetricFamily(
            "replyx_bus_connected", "1 while events go to and come from the other processes", labels=["kind"]
        )
        connected.add_metric([bus.kind], bus.connected)
        yield connections
        yield connected
        yield GaugeMetricFamily("replyx_topics", "Topics that somebody listens to", value=hub.topics)
        yield GaugeMetricFamily("replyx_log_position", "Id of the newest event that was fanned out", value=hub.last)
        yield GaugeMetricFamily(
            "replyx_connections_behind", "Connections that wait to be caught up from the log", value=hub.behind
        )
        yield CounterMetricFamily("replyx_log_holes", "Times that missing events were read from the log", hub.holes)

    def _writing(self) -> Iterable[Metric]:
        store = self._store
        yield CounterMetricFamily("replyx_commits", "Commits to the database", store.commits)
        yield CounterMetricFamily("replyx_changes", "Changes that were kept by these commits", store.changes)
        yield GaugeMetricFamily("replyx_changes_waiting", "Changes that wait for the writer", value=store.waiting)
        yield GaugeMetricFamily("replyx_store_failing", "1 while the database cannot be written", value=store.failing)

    def _counted(self) -> Iterable[Metric]:
        for name, what, label, labels, counted in (
            ("replyx_messages", "Messages that were stored, by who wrote them", "sender", SENDERS, tally.messages),
            ("replyx_limited", "What a limit has refused, by the rule's name", "rule", LIMITS, tally.refused),
            ("replyx_webhook_attempts", "Tries to deliver to a webhook", "status", ATTEMPTS, tally.attempts),
            ("replyx_push_notices", "Notices for devices, by what became of them", "outcome", NOTICES, tally.notices),
        ):
            family = CounterMetricFamily(name, what, labels=[label])
            for each in labels:
                family.add_metric([each], counted[each])
            yield family
        yield CounterMetricFamily("replyx_logins_failed", "Logins with a wrong password", tally.logins_failed)

    def _http(self) -> Iterable[Metric]:
        answered = CounterMetricFamily(
            "replyx_http_requests", "Answered HTTP requests by the class of their status", labels=["status"]
        )
        for status, count in sorted(self._requests.by_class.items()):
            answered.add_metric([status], count)
        yield answered
        held = self._held
        yield GaugeMetricFamily(
            "replyx_held_bytes", "Half-sent requests and frames, and answers that are not taken", value=held.total
        )
        cut = CounterMetricFamily(
            "replyx_connections_cut", "Connections that were ended for others' sake", labels=["why"]
        )
        for why in WHY:
            cut.add_metric([why], held.cut[why])
        yield cut
        yield HistogramMetricFamily(
            "replyx_http_request_seconds",
            "From a request's head to the end of its answer",
            buckets=self._requests.buckets(),
            sum_value=self._requests.seconds,
        )


class Installation(Collector):
    """What all processes of an installation would say alike."""

    def __init__(self, read: Readings | None, free_bytes: int) -> None:
        self._read = read
        self._free_bytes = free_bytes

    def collect(self) -> Iterable[Metric]:
        """See prometheus-client: asked for by the registry."""
        build = GaugeMetricFamily("replyx_build_info", "1, with the version that runs", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        yield GaugeMetricFamily("replyx_disk_free_bytes", "Room on the disk of DATA_DIR", value=self._free_bytes)
        read = self._read
        if read is None:
            return
        for name, what, figure in (
            ("replyx_schema_version", "Version of the database's schema", read.schema),
            ("replyx_database_bytes", "What the database takes", read.database_bytes),
            ("replyx_dialogs_waiting", "Open dialogs in which a visitor waits for an answer", read.waiting),
            ("replyx_dialog_waiting_seconds", "How long the first of them has waited", read.waiting_s),
            ("replyx_webhook_queue", "Deliveries that are not finished", read.deliveries),
            ("replyx_webhook_queue_seconds", "How long the first of them has been tried", read.deliveries_s),
            ("replyx_last_backup_timestamp_seconds", "When a copy was made last, 0 for never", read.last_backup),
        ):
            if figure is not None:
                yield GaugeMetricFamily(name, what, value=figure)
