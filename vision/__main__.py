"""`python -m vision`: serve until SIGTERM or Ctrl-C."""

import contextlib
import logging
import os

from vision.app import create_server
from vision.config import VisionConfig


def main() -> None:
    """Read the environment and serve."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    config = VisionConfig.from_environment(os.environ)
    logging.getLogger("vision").info("vision on http://%s:%d", config.host, config.port)
    with contextlib.suppress(KeyboardInterrupt):
        create_server(config).run()


if __name__ == "__main__":
    main()
