"""`python -m sandbox`: serve the simulators until SIGTERM or Ctrl-C."""

import contextlib
import logging
import os

from sandbox.app import create_server
from sandbox.config import SandboxConfig


def main() -> None:
    """Read the environment and serve."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    config = SandboxConfig.from_environment(os.environ)
    logging.getLogger("sandbox").info("simulators on http://%s:%d", config.host, config.port)
    with contextlib.suppress(KeyboardInterrupt):
        create_server(config).run()


if __name__ == "__main__":
    main()
