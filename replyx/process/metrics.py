"""Metrics for Prometheus: every one that there is, with its help.

They are read from the parts when somebody asks; only HTTP requests are counted as they go by. The figures are those
of the process that answers.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from replyx.delivery.bus import Bus
from replyx.delivery.hub import Hub
from replyx.delivery.store import Store
from replyx.delivery.streams import Streams
from replyx.process.held import WHY, Held
from replyx.process.requests import Requests

FORMAT = "text/plain; version=0.0.4; charset=utf-8"


def text(requests: Requests, streams: Streams, hub: Hub, store: Store, bus: Bus, held: Held) -> bytes:
    """Every metric of this moment, as :data:`FORMAT`."""
    registry = CollectorRegistry()
    registry.register(Parts(requests, streams, hub, store, bus, held))
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
