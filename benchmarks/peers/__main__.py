"""Install what the queues are measured beside: exact versions, in a folder that is not part of the project.

python -m benchmarks.peers install [--to DIR]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import venv
from pathlib import Path

from benchmarks.peers.programs import INSTALLED

_HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["install"])
    parser.add_argument("--to", type=Path, default=INSTALLED, metavar="DIR")
    to = parser.parse_args().to.absolute()
    to.mkdir(parents=True, exist_ok=True)
    venv.create(to / "python", with_pip=True)
    python = str(to / "python" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", str(_HERE / "requirements.txt")], check=True)
    shutil.copy(_HERE / "package.json", to)
    subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit"], cwd=to, check=True)


if __name__ == "__main__":
    main()
