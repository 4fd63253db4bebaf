"""The way out: one POST to the gateway, never repeated in here."""

from __future__ import annotations

import json

from auzap.channels.baileys.answers import read_answer
from auzap.channels.http import AnswerLost, CannotConnect, HttpClient, NoAnswer
from auzap.model.errors import Refused, Unreachable
from auzap.model.reply import Delivery, Receipt

__all__ = ["Gateway"]

#: seconds; less than the 5 after which Node's and most other servers close an idle connection, so that no request
#: leaves on one that is just being closed
_KEEP_ALIVE = 4.0


class Gateway:
    """A pool of connections to one gateway."""

    def __init__(self, url: str, token: str | None, *, timeout: float) -> None:
        """:param timeout: seconds for a whole send; half of them for connecting."""
        self._url = url
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "auzap"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._client = HttpClient(url, headers, timeout=timeout, connect=timeout / 2, keep=_KEEP_ALIVE)

    async def close(self) -> None:
        await self._client.close()

    async def probe(self) -> None:
        """Any answer in HTTP will do, also "not found"; nothing is posted.

        :raises Unreachable: there was none.
        """
        try:
            await self._client.get("/")
        except NoAnswer as error:
            raise Unreachable(f"no answer in time from {self._url}/") from error
        except (CannotConnect, AnswerLost) as error:
            raise Unreachable(f"cannot reach {self._url}/: {error}") from error

    async def post(self, delivery: Delivery) -> Receipt:
        """:raises Unreachable: nothing was taken.
        :raises Refused: it said no, or we do not know whether it was taken.
        """
        try:
            status, body = await self._client.post("/send", _body(delivery))
        except CannotConnect as error:
            raise Unreachable(f"cannot connect to {self._url}/send: {error}") from error
        except NoAnswer as error:
            raise Refused("no answer in time", final=False) from error
        except AnswerLost as error:
            raise Refused(f"the answer was lost: {error}", final=False) from error
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
