"""What a Baileys instance's mapping in the YAML may say."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from auzap.contract.channel import ChannelOptions
from auzap.contract.options import Duration

__all__ = ["BaileysOptions"]

_URL = re.compile(r"https?://(\[[^\s/?#@\[\]]+\]|[^\s/?#@\[\]:]+)(:[^\s/?#@\[\]:]*)?(/[^\s?#]*)?", re.IGNORECASE)


def _check_url(url: str) -> str:
    if "@" in url:
        raise ValueError("write no user or password into it: the gateway takes a token")
    host = urlsplit(url).hostname if _URL.fullmatch(url) else None
    if not host:
        raise ValueError('expected the gateway\'s address, such as "http://127.0.0.1:3000"')
    host.encode("idna")  # a ValueError tells which part of the name is empty or too long
    if urlsplit(url).port == 0:
        raise ValueError("port 0 is nobody's")
    return url.rstrip("/")


def _check_token(token: SecretStr) -> SecretStr:
    stripped = token.get_secret_value().strip()
    if not stripped.isascii() or not stripped.isprintable():
        raise ValueError("the token has characters that cannot stand in a header")
    return SecretStr(stripped)


class BaileysOptions(ChannelOptions):
    """Where the gateway is, and how long a send may take."""

    url: Annotated[str, AfterValidator(_check_url)] = Field(
        description="The gateway's address; messages are posted to {url}/send."
    )
    token: Annotated[SecretStr, AfterValidator(_check_token)] | None = Field(
        default=None, description="Sent as `Authorization: Bearer`; none when empty."
    )
    timeout: Annotated[Duration, Field(gt=0)] = Field(
        default=10.0, description="How long one send may take, connecting included."
    )
