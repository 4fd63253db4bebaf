"""One worker that empties the queue and says what it cost.

    python -m benchmarks.worker CONFIG [PROFILE]

logs to standard error, as ``auzap run`` does, and prints one JSON line at the end. With ``PROFILE`` the thread of the
event loop runs under cProfile, which writes to that file.
"""

from __future__ import annotations

import cProfile
import json
import resource
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import anyio

from auzap.config import load
from auzap.logs import configure
from auzap.worker.serve import serve


def main(config: Path, profile: str | None) -> None:
    configure(json=True)
    loaded = load(config)
    profiler = cProfile.Profile() if profile else None
    start: list[float] = []

    def reached(_: str) -> None:
        """The first lease: what came before is the start, which is measured apart."""
        if not start:
            start.extend((time.process_time(), time.thread_time()))

    with profiler or nullcontext():
        anyio.run(lambda: serve(loaded, until_empty=True, reached=reached))
    told = {
        "cpu": time.process_time() - start[0],
        "loop_cpu": time.thread_time() - start[1],
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    if profiler and profile:
        profiler.dump_stats(profile)
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
