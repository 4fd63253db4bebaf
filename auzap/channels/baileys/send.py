"""The way out: one POST to the gateway, never repeated in here."""

from __future__ import annotations

import asyncio
import json

import aiohttp

from auzap.channels.baileys.answers import read_answer
from auzap.model.errors import Refused, Unreachable
from auzap.model.reply import Delivery, Receipt

__all__ = ["Gateway"]

#: seconds; less than the 5 after which Node's and most other servers close an idle connection, so that no request
#: leaves on one that is just being closed
_KEEP_ALIVE = 4.0
#: bytes of an answer that are read
_MOST = 65_536


class Gateway:
    """A pool of connections to one gateway.

    aiohttp repeats a request by itself only when its method is idempotent, which POST is not, and it drops a pooled
    connection that was closed meanwhile before it takes one: what leaves here leaves once.
    """

    def __init__(self, url: str, token: str | None, *, timeout: float) -> None:
        """:param timeout: seconds for a whole send; half of them for connecting."""
        self._base = f"{url}/"
        self._url = f"{url}/send"
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "auzap"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=timeout, connect=timeout / 2),
            auto_decompress=False,
        )

    async def close(self) -> None:
        await self._session.close()

    async def probe(self) -> None:
        """Any answer in HTTP will do, also "not found"; nothing is posted.

        :raises Unreachable: there was none.
        """
        try:
            async with self._session.get(self._base, allow_redirects=False):
                return
        except TimeoutError as error:
            raise Unreachable(f"no answer in time from {self._base}") from error
        except (aiohttp.ClientError, aiohttp.InvalidURL) as error:
            raise Unreachable(f"cannot reach {self._base}: {_told(error)}") from error

    async def post(self, delivery: Delivery) -> Receipt:
        """:raises Unreachable: nothing was taken.
        :raises Refused: it said no, or we do not know whether it was taken.
        """
        # Two rounds of the loop: in the first it hears which pooled connections were closed meanwhile, so that aiohttp
        # does not write to one of them, which could not be told from an answer that was lost.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        try:
            async with self._session.post(self._url, data=_body(delivery), allow_redirects=False) as response:
                status, body = response.status, await _bounded(response.content)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise Unreachable(f"cannot connect to {self._url}: {_told(error)}") from error
        except TimeoutError as error:
            raise Refused("no answer in time", final=False) from error
        except aiohttp.ClientError as error:
            raise Refused(f"the answer was lost: {_told(error)}", final=False) from error
        return read_answer(status, body)


def _body(delivery: Delivery) -> bytes:
    """ASCII: half of a surrogate pair cannot be written in UTF-8."""
    return json.dumps(
        {
            "organizationId": delivery.organization_id,
            "instanceId": delivery.instance_id,
            "to": delivery.to,
            "text": delivery.text,
            "idempotencyKey": delivery.key,
        }
    ).encode("ascii")


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    """The answer's body; of one that is too long to be the gateway's, nothing."""
    parts = bytearray()
    while len(parts) <= _MOST:
        part = await content.read(_MOST)
        if not part:
            return bytes(parts)
        parts += part
    return b""


def _told(error: Exception) -> str:
    told = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return (isinstance(told, OSError) and told.strerror) or str(told) or type(told).__name__
