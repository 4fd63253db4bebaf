"""A worker whose process ends when its event loop was blocked for a shorter time than the product's.

python watched.py config.yaml SECONDS
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from auzap.config import load
from auzap.logs import configure
from auzap.worker.serve import serve

if __name__ == "__main__":
    configure(json=True)
    config = load(Path(sys.argv[1]))
    anyio.run(lambda: serve(config, end_when_blocked=float(sys.argv[2])))
