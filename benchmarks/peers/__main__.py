"""Other queues, which are no part of the project: exact versions, in a folder of their own.

python -m benchmarks.peers install [--to DIR]           what `python -m benchmarks` measures auzap beside
python -m benchmarks.peers install --more [--to DIR]    arq and rq instead, in an environment of their own
python -m benchmarks.peers more [--jobs N]              measure auzap beside these two
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks import noop
from benchmarks.figures import table
from benchmarks.machine import Often
from benchmarks.peers.programs import INSTALLED, has_more
from benchmarks.servers import redis

_HERE = Path(__file__).resolve().parent
_CONCURRENCY, _LANES = 50, 500


def main() -> None:
    given = _parser().parse_args()
    if given.what == "more":
        _measure(given.peers.absolute(), given.jobs)
    elif given.more:
        _install_python(given.to.absolute() / "more", "requirements-more.txt")
    else:
        _install(given.to.absolute())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="what", required=True)
    install = commands.add_parser("install", help="install them")
    install.add_argument("--to", type=Path, default=INSTALLED, metavar="DIR")
    install.add_argument("--more", action="store_true", help="arq and rq instead of the others")
    more = commands.add_parser("more", help="measure auzap beside arq and rq, on Redis")
    more.add_argument("--jobs", type=int, default=20_000, metavar="N", help="of auzap; the others get fewer")
    more.add_argument("--peers", type=Path, default=INSTALLED, metavar="DIR", help="where they are installed")
    return parser


def _install(to: Path) -> None:
    _install_python(to / "python", "requirements.txt")
    shutil.copy(_HERE / "package.json", to)
    subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit"], cwd=to, check=True)


def _install_python(to: Path, requirements: str) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    venv.create(to, with_pip=True)
    pip = [str(to / "bin" / "python"), "-m", "pip"]
    subprocess.run([*pip, "install", "--quiet", "-r", str(_HERE / requirements)], check=True)


def _measure(peers: Path, jobs: int) -> None:
    if not has_more(peers):
        raise SystemExit(f"No arq and rq in {peers}: python -m benchmarks.peers install --more")
    # the server that was started is stopped, also when somebody stops this
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with redis() as server:
        print(table([noop.more(server, peers, jobs, _CONCURRENCY, _LANES, Often())]))


if __name__ == "__main__":
    main()
