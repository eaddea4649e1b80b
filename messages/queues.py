"""The task queues, and how a name becomes a queue of one installation.

`CORE` runs every workflow and the record-keeping activities; `PROVIDERS` runs calls to third
parties, money included, so that a slow provider cannot starve our own database.
"""

from typing import Final

CORE: Final = "core"
PROVIDERS: Final = "providers"
ALL: Final = (CORE, PROVIDERS)

_REPLAYER: Final = "replay-"


def queue_name(prefix: str, queue: str) -> str:
    """Return the task queue of `queue` in the installation that `prefix` sets apart."""
    if queue not in ALL:
        raise ValueError(f"no task queue {queue!r}; there are {', '.join(ALL)}")
    return f"{prefix}{queue}"


def beside(task_queue: str, queue: str) -> str:
    """Return the task queue of `queue` in the installation that `task_queue` belongs to.

    Workflows use it with `workflow.info().task_queue`: they do not read settings. A replayer
    gives its workflows a queue of its own making, and sends nothing to the one returned.
    """
    if task_queue.startswith(_REPLAYER):
        return queue_name("", queue)
    for known in ALL:
        if task_queue.endswith(known):
            return queue_name(task_queue.removesuffix(known), queue)
    raise ValueError(f"{task_queue!r} is not one of our task queues")
