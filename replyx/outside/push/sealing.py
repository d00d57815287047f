"""What a push service gets: a payload that only the browser can read (RFC 8291), signed as ours (RFC 8292)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from replyx.errors import invalid
from replyx.faults import Fault

TOKEN_SECONDS = 12 * 3600  # RFC 8292, 2: at most 24 hours
MAX_PAYLOAD = 3993  # bytes; RFC 8291, 4: a push service takes 4096 in all

AUTH_BYTES = 16  # RFC 8291, 3.2
POINT_BYTES = 65  # an uncompressed point of P-256


@dataclass(frozen=True, slots=True)
class Device:
    """Where a browser is reached: its push service's address, and the keys that seal what goes there."""

    id: int
    endpoint: str
    p256dh: bytes
    auth: bytes = field(repr=False)


class Sealer:
    """Seals payloads with the server's key. ``contact`` is a ``mailto:`` or ``https:`` address of who runs it."""

    def __init__(self, private_key: bytes, contact: str) -> None:
        self._key = ec.derive_private_key(int.from_bytes(private_key, "big"), ec.SECP256R1())
        self._contact = contact
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public_key = encode(point)

    def headers(self, endpoint: str, now: float) -> dict[str, str]:
        """The headers that identify this server to the push service of ``endpoint`` (RFC 8292, 3)."""
        parts = urlsplit(endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int(now) + TOKEN_SECONDS,
            "sub": self._contact,
        }
        token = jwt.encode(claims, self._key, algorithm="ES256")
        return {"Authorization": f"vapid t={token}, k={self.public_key}"}


def seal(payload: bytes, device: Device) -> bytes:
    """``payload`` encrypted for one device; a key of its own each time (RFC 8291, 3.1)."""
    sealed: bytes = http_ece.encrypt(
        payload,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=device.p256dh,
        auth_secret=device.auth,
        version="aes128gcm",
    )
    return sealed


def new_private_key() -> bytes:
    """A new key of P-256, as its 32 bytes."""
    return ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big")


def public_point(text: str, name: str) -> bytes:
    """The browser's public key. Raises :class:`Invalid` for what is no point of the curve."""
    point = decode(text)
    try:
        if point is not None and len(point) == POINT_BYTES:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
            return point
    except ValueError:
        pass  # not on the curve: the same answer as for any other text
    raise invalid(name, Fault.NOT_A_POINT)


def auth_secret(text: str, name: str) -> bytes:
    """The browser's shared secret. Raises :class:`Invalid`."""
    secret = decode(text)
    if secret is None or len(secret) != AUTH_BYTES:
        raise invalid(name, Fault.NOT_BYTES, length=AUTH_BYTES)
    return secret


def encode(data: bytes) -> str:
    """base64url without padding (RFC 4648, 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes | None:
    """What base64url stands for, padded or not; None for what is none."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), b"-_", validate=True)
    except ValueError:
        return None
