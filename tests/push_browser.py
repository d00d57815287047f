"""A browser's side of Web Push: its keys, and RFC 8291 read with the primitives of ``cryptography`` alone."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.receiver import Received


class PushBrowser:
    """A subscription of one browser at the push service ``endpoint``."""

    def __init__(self, endpoint: str, private: int | None = None, auth: bytes | None = None) -> None:
        self.endpoint = endpoint
        curve = ec.SECP256R1()
        self._private = ec.generate_private_key(curve) if private is None else ec.derive_private_key(private, curve)
        self._auth = auth or secrets.token_bytes(16)

    def subscription(self, **fields: Any) -> dict[str, Any]:
        """What ``PushSubscription.toJSON()`` gives."""
        keys = {"p256dh": encoded(self._point), "auth": encoded(self._auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys, **fields}

    def read(self, body: bytes) -> bytes:
        """Decrypt one message (RFC 8291, 3.4 and RFC 8188, 2.1); a wrong one raises."""
        salt, record_size, id_length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, sealed = body[21 : 21 + id_length], body[21 + id_length :]
        assert len(body) <= 4096
        assert len(sealed) <= record_size, "one record only (RFC 8291, 4)"
        shared = self._private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        ikm = derived(shared, self._auth, b"WebPush: info\0" + self._point + sender, 32)
        key = derived(ikm, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = derived(ikm, salt, b"Content-Encoding: nonce\0", 12)
        plain = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
        assert plain[-1:] == b"\x02", "the last record ends so (RFC 8188, 2)"
        return plain[:-1]

    def shown(self, received: Received) -> dict[str, Any]:
        """What the service worker gets of a request."""
        found = json.loads(self.read(received.body))
        assert isinstance(found, dict)
        return found

    @property
    def _point(self) -> bytes:
        return self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def claims(received: Received, key: str) -> dict[str, Any]:
    """The claims of a request's VAPID token, if ``key`` has signed it (RFC 8292, 3)."""
    scheme, _, rest = received.headers["authorization"].partition(" ")
    assert scheme == "vapid"
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert fields["k"] == key
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(key))
    read: dict[str, Any] = jwt.decode(fields["t"], public, algorithms=["ES256"], options={"verify_aud": False})
    return read


def derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF with SHA-256 (RFC 5869)."""
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def encoded(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """What base64url stands for."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
