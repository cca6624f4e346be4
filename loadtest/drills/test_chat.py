"""Two thousand users of the chat on four workers behind nginx, while a worker and Redis are killed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

DRILL = Path(__file__).resolve().parent / "drill_chat.py"


def test_every_user_sees_each_confirmed_message_exactly_once_though_a_worker_and_redis_are_killed() -> None:
    command = [sys.executable, str(DRILL), "--users", "2000", "--messages", "12"]
    drill = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert drill.returncode == 0, drill.stdout + drill.stderr
    assert re.search(r"^worker \d+ killed before message 4$", drill.stdout, re.MULTILINE), drill.stdout
    assert re.search(r"^Redis \d+ killed before message 8$", drill.stdout, re.MULTILINE), drill.stdout
    assert re.search(r"^2000 users, 12 messages confirmed", drill.stdout, re.MULTILINE), drill.stdout
    assert drill.stdout.rstrip().endswith("4 workers at the end, 0 users with faults"), drill.stdout
