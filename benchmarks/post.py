"""The other floor: a bare aiohttp client that posts the same replies to the same gateway, and does nothing else.

    python -m benchmarks.post URL POSTS CONCURRENCY

prints ``{"seconds", "cpu"}`` as one JSON line.
"""

from __future__ import annotations

import json
import sys
import time

import aiohttp
import anyio

from auzap.model.keys import new_id


async def main(url: str, posts: int, concurrency: int) -> None:
    bodies = iter([_body(number) for number in range(posts)])
    async with aiohttp.ClientSession() as session:
        began, cpu = time.monotonic(), time.process_time()

        async def post() -> None:
            for body in bodies:
                async with session.post(url, json=body) as response:
                    answer = await response.json()
                    assert answer["success"]

        async with anyio.create_task_group() as posting:
            for _ in range(concurrency):
                posting.start_soon(post)
        print(json.dumps({"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}), flush=True)


def _body(number: int) -> dict[str, str]:
    return {
        "organizationId": "shop",
        "instanceId": "main",
        "to": f"5511{900000000 + number % 500}@s.whatsapp.net",
        "text": f'Olá! Recebi sua mensagem: "#{number} Oi! Tem horário amanhã de manhã?".',
        "idempotencyKey": new_id(),
    }


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
