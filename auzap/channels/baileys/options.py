"""What a Baileys instance's mapping in the YAML may say."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from auzap.contract.channel import ChannelOptions
from auzap.contract.options import Duration

__all__ = ["BaileysOptions"]

_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?", re.IGNORECASE)


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

    #: the gateway's address; sends go to ``{url}/send``
    url: Annotated[str, AfterValidator(_check_url)]
    #: sent as ``Authorization: Bearer``; none when empty
    token: Annotated[SecretStr, AfterValidator(_check_token)] | None = None
    #: of one send, connecting included
    timeout: Annotated[Duration, Field(gt=0)] = 10.0
