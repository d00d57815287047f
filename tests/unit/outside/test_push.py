"""Push messages below HTTP: sealing as the RFCs say, and which events wake whom."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec

from replyx.errors import Invalid
from replyx.outside.push import sealing
from replyx.outside.push.notices import BODY_CHARS, notices_of
from replyx.outside.push.notices import test_notice as notice_of_test
from replyx.outside.push.sealing import Device, Sealer, seal
from replyx.schemas.dialogs import OPERATOR_ROLES
from tests.push_browser import PushBrowser, decoded, encoded

NOW = 1_700_000_000.0


def device(browser: PushBrowser) -> Device:
    """The browser as the server knows it."""
    keys = browser.subscription()["keys"]
    return Device(1, browser.endpoint, decoded(keys["p256dh"]), decoded(keys["auth"]))


class TestSealing:
    def test_the_reader_of_these_tests_reads_the_example_of_rfc_8291(self) -> None:
        """Appendix A; so that what it reads below proves something."""
        private = int.from_bytes(decoded("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big")
        browser = PushBrowser("", private, decoded("BTBZMqHH6r4Tts7J_aSIgg"))
        body = decoded(
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru"
            "3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        )
        assert browser.read(body) == b"When I grow up, I want to be a watermelon"

    @pytest.mark.parametrize("payload", [b"x", "Добрый день".encode(), b"x" * sealing.MAX_PAYLOAD])
    def test_only_the_browser_reads_what_was_sealed_for_it(self, payload: bytes) -> None:
        browser, other = PushBrowser("https://push.example/1"), PushBrowser("https://push.example/2")
        sealed = seal(payload, device(browser))
        assert browser.read(sealed) == payload
        with pytest.raises(InvalidTag):
            other.read(sealed)
        assert seal(payload, device(browser)) != sealed, "a key and a salt of its own each time"

    def test_the_push_service_can_tell_who_sends_and_for_how_long(self) -> None:
        sealer = Sealer(sealing.new_private_key(), "mailto:admin@chat.example")
        header = sealer.headers("https://push.example:8443/send/abc?x=1", NOW)["Authorization"]
        token = header.removeprefix("vapid t=").partition(",")[0]
        assert header.endswith(f", k={sealer.public_key}")
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(sealer.public_key))
        read = jwt.decode(token, public, algorithms=["ES256"], options={"verify_aud": False, "verify_exp": False})
        assert (read["aud"], read["sub"]) == ("https://push.example:8443", "mailto:admin@chat.example")
        assert NOW < read["exp"] <= NOW + 24 * 3600, "RFC 8292, 2"

    @pytest.mark.parametrize("text", ["", "x", "ёж", encoded(b"\x04" + b"\x01" * 64), encoded(b"\x02" + b"\x01" * 32)])
    def test_what_is_no_key_is_refused(self, text: str) -> None:
        with pytest.raises(Invalid) as refused:
            sealing.public_point(text, "keys.p256dh")
        assert refused.value.errors[0].field == "keys.p256dh"

    @pytest.mark.parametrize("text", ["", "AAAA", "%%%", encoded(b"x" * 17)])
    def test_what_is_no_shared_secret_is_refused(self, text: str) -> None:
        with pytest.raises(Invalid):
            sealing.auth_secret(text, "keys.auth")
        assert sealing.auth_secret(encoded(b"x" * 16) + "==", "keys.auth") == b"x" * 16


def message(sender: str, text: str = "Здравствуйте", **members: Any) -> dict[str, Any]:
    """A logged message."""
    return {"type": "message:new", "dialog_id": 5, "message": {"id": 1, "sender": sender, "text": text}, **members}


def product(kind: str, notes: str | None = None) -> dict[str, Any]:
    """A logged decision."""
    data = {"product_id": 7, "product_name": "Шарф", "shop_id": 4, "moderation_notes": notes}
    return {"type": kind, "timestamp": "", "data": data}


class TestNotices:
    def test_a_visitors_message_wakes_operators_and_opens_its_dialog(self) -> None:
        (notice,) = notices_of(message("user"))
        assert notice.audience.roles == OPERATOR_ROLES
        assert (notice.urgency, notice.topic) == ("high", "dialog-5")
        shown = json.loads(notice.shown("ru"))
        assert shown == {
            "title": "Новое сообщение",
            "body": "Здравствуйте",
            "url": "/admin#/dialogs/5",
            "tag": "dialog-5",
            "test": False,
        }
        assert json.loads(notice.shown("en"))["title"] == "New message"

    def test_a_tickets_message_says_so_and_never_its_id(self) -> None:
        (notice,) = notices_of(message("user", ticket_id="secret-id", sender_ref="x", message_type="TEXT"))
        assert json.loads(notice.shown("en"))["title"] == "New message in a ticket"
        assert b"secret-id" not in notice.shown("en")

    @pytest.mark.parametrize("sender", ["manager", "assistant", "system"])
    def test_what_our_side_says_wakes_nobody(self, sender: str) -> None:
        assert notices_of(message(sender)) == []

    @pytest.mark.parametrize("kind", ["dialog:updated", "message:read", "product.submitted", "settings.updated", "new"])
    def test_no_other_event_does(self, kind: str) -> None:
        assert notices_of({"type": kind}) == []

    def test_an_approved_product_is_told_to_users_and_to_its_shop(self) -> None:
        to_users, to_shop = notices_of(product("product.approved", "internal words"))
        assert (to_users.audience.roles, to_shop.audience.account_id) == ({"user"}, 4)
        shown = json.loads(to_users.shown("en"))
        assert (shown["title"], shown["body"], shown["url"]) == ("New product", "Шарф", "/webapp/")
        assert json.loads(to_shop.shown("ru"))["title"] == "Ваш товар одобрен"

    def test_a_rejection_is_told_to_the_shop_alone_with_its_reason(self) -> None:
        (notice,) = notices_of(product("product.rejected", "No pictures"))
        assert (notice.audience.account_id, notice.audience.roles) == (4, frozenset())
        assert json.loads(notice.shown("en"))["body"] == "Шарф: No pictures"

    def test_a_long_text_fits_into_what_a_push_service_takes(self) -> None:
        (notice,) = notices_of(message("user", "щ" * 10_000))
        assert len(notice.body) == BODY_CHARS
        assert len(notice.shown("ru")) <= sealing.MAX_PAYLOAD

    def test_topics_are_short_enough(self) -> None:
        """RFC 8030, 5.4: at most 32 characters of base64url."""
        notices = [*notices_of(message("user") | {"dialog_id": 10**15}), notice_of_test(1, "/admin")]
        assert all(len(each.topic) <= 32 and each.topic.replace("-", "").isalnum() for each in notices)
