"""``replyx doctor`` behind real proxies, each spoilt in the ways in which people spoil them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.ports import held_port
from tests.proxy import FILES, Proxy, documented
from tests.server import Server, replyx

pytestmark = pytest.mark.one_process  # it asks one process which of its neighbours it believes


@dataclass
class Site:
    """Two processes of one installation, of which one believes the proxy; ``port`` is the proxy's."""

    believing: Server
    doubting: Server
    port: int
    authority: Authority

    def configured(self, name: str, server: Server | None = None) -> str:
        """The documented file of a proxy, before one process."""
        port = (server or self.believing).port
        return documented(name, {8000: port, 8001: port, 8080: self.port})

    def examined(self, url: str = "", **env: str) -> dict[str, dict[str, str]]:
        """What the doctor finds by way of the proxy, by code, but for what is good."""
        given = url or f"http://127.0.0.1:{self.port}"
        done = replyx(self.believing.data_dir, "doctor", given, "--json", **env)
        findings = json.loads(done.stdout)
        wrong = {each["code"]: each for each in findings if each["verdict"] != "good"}
        assert done.returncode == any(each["verdict"] == "bad" for each in findings), done.stderr
        return {code: each for code, each in wrong.items() if code not in OF_THE_DEMO}


OF_THE_DEMO = {"demo", "widget_nowhere", "files_few"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The processes know the address that the proxy will have."""
    folder = tmp_path_factory.mktemp("site")
    authority = Authority(folder)
    believing, doubting = Server(folder / "data"), Server(folder / "data")
    port = held_port(believing)
    believing.env = {"PUBLIC_URL": f"http://127.0.0.1:{port}", "TRUSTED_PROXIES": "127.0.0.1"}
    doubting.env = {"PUBLIC_URL": f"http://127.0.0.1:{port}"}
    with believing, doubting:
        yield Site(believing, doubting, port, authority)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_proxy_set_up_as_documented_has_nothing_wrong(site: Site, name: str, tmp_path: Path) -> None:
    with Proxy(name, site.configured(name), tmp_path, site.port):
        assert site.examined() == {}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_proxy_that_is_not_believed_is_named(site: Site, name: str, tmp_path: Path) -> None:
    with Proxy(name, site.configured(name, site.doubting), tmp_path, site.port):
        found = site.examined()
    assert found.keys() == {"proxy_untrusted"}
    assert "TRUSTED_PROXIES=127.0.0.1" in found["proxy_untrusted"]["advice"]


# What is written instead of what in the documented file, and what the doctor says of it.
NO_UPGRADE = {"websocket_dropped", "socketio_websocket"}
ADDED = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
POLLING = "location /socket.io/ { proxy_pass http://replyx_sessions; }"
NGINX = {
    "host": ("proxy_set_header Host $http_host;", "proxy_set_header Host replyx;", {"host_lost"}),
    "upgrade": ("proxy_set_header Upgrade $http_upgrade;", "proxy_set_header Upgrade '';", NO_UPGRADE),
    "address": (ADDED, "proxy_set_header X-Forwarded-For '';", {"address_lost"}),
    "forged": (ADDED, "", {"address_forged"}),
    "scheme": ("X-Forwarded-Proto $scheme;", "X-Forwarded-Proto https;", {"scheme_lost"}),
    "buffering": (
        "proxy_buffering off;",
        "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;",
        {"stream_buffered"},
    ),
    "compressed": (
        "proxy_buffering off;",
        "proxy_buffering off; gzip on; gzip_proxied any; gzip_types text/event-stream; gzip_min_length 1;",
        {"stream_compressed"},
    ),
    "files": ("location / {", "location = /widget.js { return 404; } location / {", {"widget_script_wrong"}),
    "sockets": ("location / {", "location /ws { return 403; } location / {", {"websocket_refused"}),
    "polling": (POLLING, "location /socket.io/ { return 404; }", {"socketio_polling"}),
}
_FRONT, _FOLLOWS = "default_backend", "\n    default_backend"
HAPROXY = {
    "host": (_FRONT, f"http-request set-header Host replyx{_FOLLOWS}", {"host_lost"}),
    "upgrade": (_FRONT, f"http-request del-header Upgrade{_FOLLOWS}", NO_UPGRADE),
    "forged": ("    option forwardfor\n", "", {"address_forged"}),
    "scheme": ("X-Forwarded-Proto http if", "X-Forwarded-Proto https if", {"scheme_lost"}),
    "files": (_FRONT, f"http-request deny if {{ path /widget.js }}{_FOLLOWS}", {"widget_script_wrong"}),
    "sockets": (_FRONT, f"http-request deny if {{ path_beg /ws }}{_FOLLOWS}", {"websocket_refused"}),
}
_PASSED, _FIRST, _REST = "flush_interval -1", "reverse_proxy 127", "\n\treverse_proxy 127"
_UP = f"{_PASSED}\n\t\theader_up"
CADDY = {
    "host": (_PASSED, f"{_UP} Host replyx", {"host_lost"}),
    "upgrade": (_PASSED, f"{_UP} -Upgrade", NO_UPGRADE),
    "address": (_PASSED, f"{_UP} -X-Forwarded-For", {"address_lost"}),
    "forged": (_PASSED, f"{_UP} X-Forwarded-For {{http.request.header.X-Forwarded-For}}", {"address_forged"}),
    "scheme": (_PASSED, f"{_UP} X-Forwarded-Proto https", {"scheme_lost"}),
    "files": (_FIRST, f"respond /widget.js 404{_REST}", {"widget_script_wrong"}),
    "sockets": (_FIRST, f"respond /ws* 403{_REST}", {"websocket_refused"}),
}
SPOILT = [
    pytest.param(name, *ways[way], id=f"{name}-{way}")
    for name, ways in (("nginx", NGINX), ("haproxy", HAPROXY), ("caddy", CADDY))
    for way in ways
]


@pytest.mark.parametrize(("name", "line", "instead", "codes"), SPOILT)
def test_the_fault_is_named_and_nothing_else(
    site: Site, name: str, line: str, instead: str, codes: set[str], tmp_path: Path
) -> None:
    text = site.configured(name)
    assert line in text
    with Proxy(name, text.replace(line, instead), tmp_path, site.port):
        found = site.examined()
    assert found.keys() == codes
    assert all(each["advice"] for each in found.values())


def test_a_server_that_is_away_is_told_from_a_proxy_that_is(site: Site, tmp_path: Path) -> None:
    away = f"http://127.0.0.1:{site.port}"
    assert site.examined().keys() == {"unreachable"}
    text = documented("nginx", {8000: held_port(site), 8001: held_port(site), 8080: site.port})
    with Proxy("nginx", text, tmp_path, site.port):
        found = site.examined()
    assert found.keys() == {"answers_wrong"}
    assert found["answers_wrong"]["what"] == f"{away}/health answers 502"


def test_certificates_are_looked_at_as_browsers_do(site: Site, tmp_path: Path) -> None:
    """Over TLS the address is another one than the server was told, and nothing else is wrong."""
    url, trusted = f"https://localhost:{site.port}", str(site.authority.file)
    for expired, codes in ((False, {"tls_ending", "public_url_other"}), (True, {"tls_wrong"})):
        site.authority.server("localhost", expired=expired)
        chain = site.authority.file.with_name("localhost.pem")
        line = f"listen 127.0.0.1:{site.port} ssl; ssl_certificate {chain}; ssl_certificate_key {chain};"
        text = site.configured("nginx").replace(f"listen 127.0.0.1:{site.port};", line)
        with Proxy("nginx", text, tmp_path, site.port):
            assert site.examined(url, SSL_CERT_FILE=trusted).keys() == codes
            if not expired:
                assert site.examined(url).keys() == {"tls_wrong"}


def test_another_installation_behind_the_address_is_told(site: Site, tmp_path: Path) -> None:
    with Server(tmp_path / "other") as other:
        done = replyx(site.believing.data_dir, "doctor", f"http://localhost:{other.port}", "--json")
    codes = {each["code"] for each in json.loads(done.stdout) if each["verdict"] == "bad"}
    assert codes == {"another_installation"}
