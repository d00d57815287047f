"""REDIS_URL taken apart: every form that is supported, and a sentence for every other."""

from __future__ import annotations

import pytest

from replyx.redis.address import RedisAddress


@pytest.mark.parametrize(
    ("text", "kind", "nodes"),
    [
        ("redis://cache", "server", (("cache", 6379),)),
        ("redis://cache:7000/3", "server", (("cache", 7000),)),
        ("redis://[::1]:7000", "server", (("::1", 7000),)),
        ("rediss://cache.example/0", "server", (("cache.example", 6379),)),
        ("redis+sentinel://a,b:26380,[fd00::1]/main", "sentinel", (("a", 26379), ("b", 26380), ("fd00::1", 26379))),
        ("redis+sentinel://a/main/0", "sentinel", (("a", 26379),)),
        ("rediss+cluster://a:7000,b", "cluster", (("a", 7000), ("b", 6379))),
    ],
)
def test_servers_sentinels_and_clusters_are_understood(
    text: str, kind: str, nodes: tuple[tuple[str, int], ...]
) -> None:
    address = RedisAddress.parse(text)
    assert (address.kind, address.nodes, address.tls) == (kind, nodes, text.startswith("rediss"))
    assert address.service == ("main" if kind == "sentinel" else "")


def test_a_name_and_a_password_may_hold_any_character() -> None:
    address = RedisAddress.parse("rediss://user:p%40ss%2Fword@cache/0?ssl_ca_certs=/etc/ca.pem&ssl_cert_reqs=required")
    assert (address.username, address.password) == ("user", "p@ss/word")
    assert address.options == {"ssl_ca_certs": "/etc/ca.pem", "ssl_cert_reqs": "required"}
    assert RedisAddress.parse("redis://:secret@cache").username is None
    assert RedisAddress.parse("redis://:secret@cache").password == "secret"


def test_a_unix_socket_is_a_path() -> None:
    address = RedisAddress.parse("unix://:secret@/run/redis/redis.sock")
    assert (address.path, address.password, address.nodes) == ("/run/redis/redis.sock", "secret", ())


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("", "redis://"),
        ("cache:6379", "redis://"),
        ("http://cache", "redis://"),
        ("redis://", "redis://"),
        ("unix://relative", "unix:///"),
        ("redis://a b", "without spaces"),
        ("redis://cache:0", "1 to 65535"),
        ("redis://cache:65536", "1 to 65535"),
        ("redis://cache:port", "1 to 65535"),
        ("redis://a,b", "redis+cluster://"),
        ("redis://cache/main", "/0"),
        ("redis+sentinel://a", "/mymaster"),
        ("redis+sentinel://a/", "/mymaster"),
        ("redis://cache?ssl_ca_certs=/x", "takes none"),
        ("rediss://cache?decode_responses=1", "decode_responses, which is not supported"),
        ("rediss://cache?ssl_cert_reqs=maybe", "required, optional or none"),
        ("redis+sentinel://a/main?db=1", "sentinel_password"),
    ],
)
def test_any_other_text_is_refused_with_what_would_be_right(text: str, right: str) -> None:
    with pytest.raises(ValueError) as refused:
        RedisAddress.parse(text)
    assert right in str(refused.value)


def test_a_refusal_never_repeats_the_password() -> None:
    for text in ("redis://:hunter2@a,b", "redis://:hunter2@cache/main", "redis://:hunter2@cache?x=1", "x://:hunter2@"):
        with pytest.raises(ValueError) as refused:
            RedisAddress.parse(text)
        assert "hunter2" not in str(refused.value)
