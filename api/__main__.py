"""`python -m api`: serve the API until SIGTERM or Ctrl-C, then end what runs and stop."""

import os
import sys
from tempfile import TemporaryDirectory

from runtime.settings import settings


def main() -> int:
    """Serve; returns 0 after a requested stop and uvicorn's code 3 when it could not start."""
    ours = settings()
    with TemporaryDirectory(prefix="loanflow-api-metrics-") as folder:
        if ours.api_processes > 1:
            # prometheus_client reads it once, when it is imported.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        from api.serving import serve

        return serve(ours)


if __name__ == "__main__":
    sys.exit(main())
