"""Plays one attack until its input ends, then prints what was counted as JSON: ``python -m tests.attacks.play``."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback

from tests.attacks import ATTACKS
from tests.attacks.attacker import Attacker
from tests.bench.servers import LOAD_CORE


async def play(name: str, port: int) -> None:
    """Begin, and stop in the middle of it. An attack that cannot go on ends with its error and no counts."""
    attacker = Attacker(port)
    attack = asyncio.ensure_future(ATTACKS[name](attacker))
    told_to_stop = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await asyncio.wait([attack, told_to_stop], return_when=asyncio.FIRST_COMPLETED)
    if attack.done():
        traceback.print_exception(attack.exception())
    else:
        print(json.dumps(attacker.counts), flush=True)
    os._exit(attack.done())  # what is half sent is not ended in order


if __name__ == "__main__":
    os.sched_setaffinity(0, {LOAD_CORE})
    asyncio.run(play(sys.argv[1], int(sys.argv[2])))
