"""Tokens: what is read is what was issued, and everything else is refused with a reason."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyx.errors import CredentialExpired, CredentialInvalid
from replyx.tokens import (
    CLOCK_LEEWAY,
    MAX_TOKEN_LENGTH,
    AccessClaims,
    Claims,
    RefreshClaims,
    SigningKey,
    SiteClaims,
    Tokens,
    WidgetClaims,
    domain_digest,
    new_token_id,
)

NOW = 1_700_000_000.0  # long past by any wall clock: a reader that asks one would find all of them expired
TTL = 600.0
OLD = SigningKey("2023-10", b"the-old-secret-" * 5)
NEW = SigningKey("2023-11", b"the-new-secret-" * 5)
TOKENS = Tokens([NEW, OLD])

ISSUED: dict[type[Claims], str] = {
    AccessClaims: TOKENS.issue_access(7, "manager", "session-1", NOW, TTL),
    RefreshClaims: TOKENS.issue_refresh(7, "session-1", "token-1", NOW, TTL),
    WidgetClaims: TOKENS.issue_widget(5, 3, "digest", NOW, TTL),
    SiteClaims: TOKENS.issue_site(11, 5, NOW, TTL),
}
READERS: dict[type[Claims], Callable[[str, float], Claims]] = {
    AccessClaims: TOKENS.read_access,
    RefreshClaims: TOKENS.read_refresh,
    WidgetClaims: TOKENS.read_widget,
}
PAYLOAD: dict[str, Any] = {
    "aud": "replyx:access",
    "iss": "replyx",
    "iat": int(NOW),
    "exp": int(NOW + TTL),
    "jti": "token-1",
    "sub": "7",
    "role": "admin",
    "sid": "session-1",
}


def signed(payload: dict[str, Any], key: SigningKey = NEW, algorithm: str = "HS256") -> str:
    return jwt.encode(payload, key.secret, algorithm, headers={"kid": key.kid})


def unsigned(header: Any, payload: Any, signature: str = "") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, payload)]
    return ".".join([*parts, signature])


def refusal(token: str, now: float = NOW) -> str:
    with pytest.raises(CredentialInvalid) as refused:
        TOKENS.read_access(token, now)
    return refused.value.detail


def test_every_kind_is_read_as_it_was_issued() -> None:
    times = {"issued_at": int(NOW), "expires_at": int(NOW + TTL)}
    assert [TOKENS.read(token, NOW) for token in ISSUED.values()] == [
        AccessClaims(account_id=7, role="manager", session_id="session-1", **times),
        RefreshClaims(account_id=7, session_id="session-1", token_id="token-1", **times),
        WidgetClaims(widget_id=5, assistant_id=3, domain_digest="digest", **times),
        SiteClaims(visitor_id=11, widget_id=5, **times),
    ]


@pytest.mark.parametrize("wanted", READERS)
@pytest.mark.parametrize("given_kind", ISSUED)
def test_no_token_is_good_as_another_kind(given_kind: type[Claims], wanted: type[Claims]) -> None:
    token = ISSUED[given_kind]
    if given_kind is wanted:
        assert isinstance(READERS[wanted](token, NOW), wanted)
        return
    with pytest.raises(CredentialInvalid) as refused:
        READERS[wanted](token, NOW)
    assert refused.value.detail == f"This is {given_kind.kind}, and {wanted.kind} is needed here."


def test_read_tells_the_kinds_apart_by_their_class() -> None:
    assert [type(TOKENS.read(token, NOW)) for token in ISSUED.values()] == list(ISSUED)


def test_every_token_carries_the_common_claims_and_the_key_that_signed_it() -> None:
    audiences = set()
    for token in ISSUED.values():
        payload = jwt.decode(token, options={"verify_signature": False})
        assert payload["iss"] == "replyx"
        assert (payload["iat"], payload["exp"]) == (NOW, NOW + TTL)
        assert payload["jti"]
        assert jwt.get_unverified_header(token) == {"alg": "HS256", "kid": NEW.kid, "typ": "JWT"}
        audiences.add(payload["aud"])
    assert len(audiences) == len(ISSUED)


def test_two_tokens_of_the_same_content_are_different() -> None:
    assert TOKENS.issue_site(11, 5, NOW, TTL) != TOKENS.issue_site(11, 5, NOW, TTL)
    assert new_token_id() != new_token_id()


def test_a_token_ends_in_the_second_it_names() -> None:
    token = ISSUED[AccessClaims]
    assert TOKENS.read_access(token, NOW + TTL - 1).expires_at == NOW + TTL
    with pytest.raises(CredentialExpired) as expired:
        TOKENS.read_access(token, NOW + TTL)
    assert expired.value.detail == "The token has expired."


def test_a_remembered_token_expires_like_any_other() -> None:
    tokens = Tokens([NEW])
    token = tokens.issue_access(7, "admin", "session-1", NOW, TTL)
    first = tokens.read_access(token, NOW)
    assert tokens.read_access(token, NOW + 1) is first  # it was remembered
    with pytest.raises(CredentialExpired):
        tokens.read_access(token, NOW + TTL)


def test_an_expired_token_of_another_kind_is_expired_first() -> None:
    with pytest.raises(CredentialExpired):
        TOKENS.read_access(ISSUED[WidgetClaims], NOW + TTL)


def test_a_clock_that_is_slightly_behind_accepts_the_token_and_one_far_behind_does_not() -> None:
    assert TOKENS.read_access(ISSUED[AccessClaims], NOW - CLOCK_LEEWAY).account_id == 7
    assert "issued in the future" in refusal(ISSUED[AccessClaims], NOW - CLOCK_LEEWAY - 1)


def test_after_a_rotation_the_old_key_still_verifies_and_no_longer_signs() -> None:
    before = Tokens([OLD]).issue_access(7, "admin", "session-1", NOW, TTL)
    assert TOKENS.read_access(before, NOW).account_id == 7
    assert jwt.get_unverified_header(ISSUED[AccessClaims])["kid"] == NEW.kid


def test_a_token_of_a_retired_key_is_refused() -> None:
    before = Tokens([OLD]).issue_access(7, "admin", "session-1", NOW, TTL)
    with pytest.raises(CredentialInvalid) as refused:
        Tokens([NEW]).read_access(before, NOW)
    assert refused.value.detail == "The token is signed with a key that is not known here."


def test_a_token_signed_by_one_key_in_the_name_of_another_is_refused() -> None:
    forged = jwt.encode(PAYLOAD, OLD.secret, "HS256", headers={"kid": NEW.kid})
    assert refusal(forged) == "The token's signature is wrong."


def test_a_changed_claim_breaks_the_signature() -> None:
    header, _, signature = ISSUED[AccessClaims].split(".")
    payload = jwt.decode(ISSUED[AccessClaims], options={"verify_signature": False}) | {"role": "admin"}
    body = unsigned({}, payload).split(".")[1]
    assert refusal(f"{header}.{body}.{signature}") == "The token's signature is wrong."


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS384", "HS512", "RS256", "", None, 5, ["HS256"]])
def test_only_our_algorithm_is_accepted_whatever_the_header_says(algorithm: Any) -> None:
    token = unsigned({"alg": algorithm, "kid": NEW.kid}, PAYLOAD, "c2ln")
    assert refusal(token) == "The token is not signed with HS256."


def test_a_sound_signature_of_another_algorithm_is_refused() -> None:
    assert refusal(signed(PAYLOAD, algorithm="HS512")) == "The token is not signed with HS256."


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "token",
        "a.b.c",
        "a.b.c.d",
        ISSUED[AccessClaims] + ".x",
        ISSUED[AccessClaims] + "\n",
        " " + ISSUED[AccessClaims],
        ISSUED[AccessClaims].replace(".", "é.", 1),
        "\ud800" + ISSUED[AccessClaims],
        unsigned("HS256", PAYLOAD, "c2ln"),
        unsigned({"alg": "HS256", "kid": 5}, PAYLOAD, "c2ln"),
        unsigned({"alg": "HS256", "kid": [NEW.kid]}, PAYLOAD, "c2ln"),
        unsigned({"alg": "HS256", "kid": NEW.kid, "crit": ["exp"]}, PAYLOAD, "c2ln"),
        unsigned({"alg": "HS256", "kid": NEW.kid, "b64": False, "crit": ["b64"]}, PAYLOAD, "c2ln"),
    ],
)
def test_what_is_no_token_is_malformed(token: str) -> None:
    assert refusal(token) == "The token is malformed."


def test_a_token_without_a_key_id_is_refused() -> None:
    assert refusal(jwt.encode(PAYLOAD, NEW.secret, "HS256")) == "The token is signed with a key that is not known here."


def test_an_oversized_token_is_refused_unread_although_its_signature_is_right() -> None:
    room = signed(PAYLOAD | {"x": "y" * 2000})
    assert len(room) < MAX_TOKEN_LENGTH
    assert TOKENS.read_access(room, NOW).account_id == 7
    assert "longer than 4096" in refusal(signed(PAYLOAD | {"x": "y" * 4000}))


@pytest.mark.parametrize("claim", PAYLOAD)
def test_a_missing_claim_is_named(claim: str) -> None:
    payload = {name: value for name, value in PAYLOAD.items() if name != claim}
    assert refusal(signed(payload)).startswith(f"The token's claim '{claim}' is missing")


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iat", "1700000000"),
        ("iat", True),
        ("exp", str(int(NOW + TTL))),
        ("exp", NOW + TTL + 0.5),
        ("exp", None),
        ("exp", [1]),
        ("jti", ""),
        ("jti", 5),
        ("sub", "seven"),
        ("sub", "-7"),
        ("sub", "٧"),
        ("sub", ""),
        ("sub", {}),
        ("role", ""),
        ("role", ["admin"]),
        ("sid", None),
    ],
)
def test_a_claim_of_the_wrong_type_is_named(claim: str, value: Any) -> None:
    assert f"claim '{claim}'" in refusal(signed(PAYLOAD | {claim: value}))


def test_widget_claims_of_the_wrong_type_are_named() -> None:
    payload = PAYLOAD | {"aud": "replyx:widget", "wid": "5", "aid": 3, "dom": "digest"}
    assert "claim 'wid'" in refusal(signed(payload))


@pytest.mark.parametrize("audience", ["replyx", "replyx:admin", "REPLYX:ACCESS", "other"])
def test_a_token_for_another_audience_is_refused(audience: str) -> None:
    assert refusal(signed(PAYLOAD | {"aud": audience})) == "The token is meant for another audience."


def test_a_list_of_audiences_is_not_one_of_ours() -> None:
    assert "claim 'aud'" in refusal(signed(PAYLOAD | {"aud": ["replyx:access", "replyx:widget"]}))


def test_a_token_of_another_issuer_is_refused() -> None:
    assert refusal(signed(PAYLOAD | {"iss": "somebody"})) == "The token comes from another issuer."


def test_a_signed_payload_that_is_no_object_is_malformed() -> None:
    token = jwt.PyJWS().encode(b"[1, 2]", NEW.secret, "HS256", headers={"kid": NEW.kid})
    assert refusal(token) == "The token is malformed."


@given(st.text(max_size=300))
def test_no_text_makes_the_reader_fail_in_any_other_way(text: str) -> None:
    with pytest.raises(CredentialInvalid):
        TOKENS.read(text, NOW)


@given(position=st.integers(0, len(ISSUED[AccessClaims]) - 1), character=st.sampled_from("AQgwz09-_=. "))
def test_a_token_with_one_character_changed_is_refused(position: int, character: str) -> None:
    token = ISSUED[AccessClaims]
    if token[position] != character:
        with pytest.raises(CredentialInvalid):
            TOKENS.read(token[:position] + character + token[position + 1 :], NOW)


def test_a_refused_token_does_not_fill_the_memory_of_verified_ones() -> None:
    tokens = Tokens([NEW])
    with pytest.raises(CredentialInvalid):
        tokens.read("a.b.c", NOW)
    info = tokens._verified.cache_info()  # type: ignore[attr-defined]
    assert (info.misses, info.currsize) == (1, 0)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SigningKey("kid", b"x" * 31)


@pytest.mark.parametrize("keys", [[], [NEW, NEW]])
def test_keys_are_needed_and_have_names_of_their_own(keys: list[SigningKey]) -> None:
    with pytest.raises(ValueError, match="signing key"):
        Tokens(keys)


def test_a_key_never_prints_its_secret() -> None:
    assert "secret" not in repr(NEW).replace("SigningKey", "")
    assert NEW.kid in repr(NEW)


DOMAINS = st.lists(st.from_regex(r"[a-z]{1,8}\.[a-z]{2,3}", fullmatch=True), max_size=6)


@given(DOMAINS, st.randoms())
def test_a_domain_digest_ignores_order_case_and_repetition(domains: list[str], random: Any) -> None:
    other = [domain.upper() for domain in domains] + domains[:2]
    random.shuffle(other)
    assert domain_digest(other) == domain_digest(domains)


@given(DOMAINS, DOMAINS)
def test_domain_digests_differ_when_the_domains_do(some: list[str], others: list[str]) -> None:
    assert (domain_digest(some) == domain_digest(others)) == (set(some) == set(others))


def test_a_domain_digest_stays_what_it_was_in_tokens_already_given_out() -> None:
    assert domain_digest(["localhost", "127.0.0.1", "[::1]"]) == "ade98f89634f01896d6ad60ae30f4d7e"
