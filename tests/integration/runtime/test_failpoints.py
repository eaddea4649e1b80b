"""A fail point kills its process, once."""

import os
import subprocess
import sys
from pathlib import Path


def test_a_point_can_kill(tmp_path: Path) -> None:
    script = (
        "import asyncio, os; from runtime.failpoints import arm, failpoint;"
        " arm('local', os.environ); asyncio.run(failpoint('disburse.after_send')); print('passed')"
    )
    environment = os.environ | {
        "LOANFLOW_FAILPOINTS": "disburse.after_send=kill",
        "LOANFLOW_FAILPOINT_DIR": str(tmp_path),
    }
    runs = [
        subprocess.run(  # noqa: S603 -- our own interpreter and script
            [sys.executable, "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        for _ in range(2)
    ]
    assert [run.returncode for run in runs] == [-9, 0]
    assert runs[1].stdout == "passed\n"
