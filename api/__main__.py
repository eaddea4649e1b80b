"""`python -m api`: serve the API until SIGTERM or Ctrl-C, then end what runs and stop."""

import os
import sys
from tempfile import TemporaryDirectory

from runtime.production import SettingsRefused, settings_of


def main() -> int:
    """Serve; returns 0 after a requested stop.

    Code 2: the settings must not be used, 3 (uvicorn's): it could not start. Both are told.
    """
    try:
        ours = settings_of("api")
    except SettingsRefused as error:
        sys.stderr.write(f"api: {error}\n")
        return 2
    with TemporaryDirectory(prefix="loanflow-api-metrics-") as folder:
        if ours.api_processes > 1:
            # prometheus_client reads it once, when it is imported.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        from api.serving import serve

        return serve(ours)


if __name__ == "__main__":
    sys.exit(main())
