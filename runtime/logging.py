"""Logs: one JSON object a line on stdout, without personal data.

Code logs through `structlog.get_logger()` (processes, activities) or `workflow.logger` (workflows:
silent on replay). The first argument is an event in snake case, facts are keywords, and only ids,
codes and outcomes belong there. `redact` is the net under that rule, not a licence to break it.
"""

import atexit
import logging
import logging.handlers
import queue
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger
from temporalio import activity, workflow

from runtime.settings import Settings

MASK: Final = "[masked]"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PERSONAL_WORDS: Final = _words("""
    account address addresses authorization birth birthday body card company contact contacts
    cookie cvv email employer face headers holder identity image images input mobile name names
    params password payload person phone plaintext raw relation school secret selfie telephone token
""")
_PERSONAL_PAIRS: Final = frozenset(("id_number", "id_no", "date_of_birth"))
# What describes personal data without containing it: `contact_count`, `bank_card_id`.
_HARMLESS_ENDINGS: Final = _words(
    "id ids count code codes kind kinds outcome seconds state states status type types"
)
# Names of programs' parts.
_HARMLESS_KEYS: Final = _words("""
    activity_name deployment_name event_name exception_name file_name process_name queue_name
    signal_name thread_name update_name workflow_name
""")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Made by machines, of hexadecimal digits: masking a chance run in them would cut a trail.
_MACHINE_KEYS: Final = frozenset(
    ("run_id", "workflow_run_id", "first_execution_run_id", "trace_id", "span_id", "timestamp")
)
# Identity numbers (15, or 17 and a digit or X), bank cards (15 to 19, also in groups of four),
# mobiles with or without 86.
_NUMBERS: Final = re.compile(
    r"(?<!\d)(?:\d{17}[\dXx]|\d{15,19}|\d{4}(?:[ -]\d{4}){3}(?:[ -]?\d{1,3})?"
    r"|(?:\+?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2})(?!\d)"
)
# Events and outcomes are ASCII codes, so Han text in a value is a name, an address or a message.
_HAN: Final = re.compile(r"[\u3400-\u9fff·]+")
_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
# How pydantic and PostgreSQL quote what they refuse.
_QUOTED: Final = re.compile(
    r"(?P<before>input_value=).*?(?=, input_type=)|(?P<key>Key \([^)]*\)=)\(.*?\)(?= )"
    r"|(?P<row>Failing row contains )\(.*\)",
    re.DOTALL,
)
_DEEPEST: Final = 6
# They log addresses with their query strings at INFO.
_TELL_ADDRESSES: Final = ("httpx", "httpcore", "uvicorn.access")

_BUSINESS_IDS: Final = {
    "application": "application_id",
    "line": "line_id",
    "drawdown": "drawdown_id",
    "loan": "loan_id",
    "repayment": "repayment_id",
    "collections": "loan_id",
    "credit-analysis": "analysis_id",
}


def configure(settings: Settings, process: str) -> None:
    """Send this process's logs, the standard library's included, to stdout as JSON lines.

    `process` (`api`, `worker`, ...) stands on every line. A second call replaces the first.
    """
    level = settings.log_level.upper()
    _output.open(_formatter(process), level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(process),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # Facts belong in fields, not in the message; a log call made inside the workflow sandbox
    # must not format a traceback (which opens source files) under the sandbox's restrictions.
    workflow.logger.workflow_info_on_message = False
    workflow.logger.unsafe_disable_sandbox()
    activity.logger.activity_info_on_message = False


def redact(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    """Mask values under personal keys, and what looks personal in any other string."""
    for key, value in event_dict.items():
        event_dict[key] = _clean(key, value, 0)
    return event_dict


def mask(text: str) -> str:
    """Return `text` with identity, card and mobile numbers, addresses and Han text masked."""
    if "input_value=" in text or "Key (" in text or "Failing row" in text:
        text = _QUOTED.sub(lambda match: f"{''.join(filter(None, match.groups()))}{MASK}", text)
    if not text.isascii():
        text = _HAN.sub(MASK, text)
    if "@" in text:
        text = _EMAIL.sub(MASK, text)
    return _NUMBERS.sub(MASK, text)


@lru_cache(maxsize=2048)
def _is_personal(key: str) -> bool:
    words = _CAMEL.sub("_", key).replace("-", "_").lower().split("_")
    snake = "_".join(words)
    if words[-1] in _HARMLESS_ENDINGS or snake in _HARMLESS_KEYS:
        return False
    return not _PERSONAL_WORDS.isdisjoint(words) or any(pair in snake for pair in _PERSONAL_PAIRS)


def _clean(key: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if _is_personal(key):
        return MASK
    match value:
        case int() | float():
            return value
        case str():
            return value if key in _MACHINE_KEYS else mask(value)
        case Mapping() if depth < _DEEPEST:
            return {
                mask(str(name)): _clean(str(name), inner, depth + 1)
                for name, inner in value.items()
            }
        case list() | tuple() | set() | frozenset() if depth < _DEEPEST:
            return [_clean(key, inner, depth + 1) for inner in value]
        case bytes() | bytearray() | memoryview():
            return MASK
    return mask(str(value))


def _add_business_id(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    """Name the application, loan, ... that the logging workflow or activity belongs to."""
    source = event_dict.get("temporal_workflow") or event_dict.get("temporal_activity")
    if isinstance(source, Mapping):
        kind, _sep, rest = str(source.get("workflow_id", "")).partition(":")
        if kind in _BUSINESS_IDS:
            event_dict.setdefault(_BUSINESS_IDS[kind], rest.partition(":")[0])
    return event_dict


def _shared(process: str) -> list[Processor]:
    def add_process(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
        event_dict["process"] = process
        return event_dict

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_process,
    ]


def _formatter(process: str) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_shared(process), structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _add_business_id,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


class _Output:
    """The process's one way to stdout: lines are made by the caller, written by a thread.

    A full pipe would otherwise block a workflow task past the SDK's two-second deadlock limit.
    Closing it gives every logger back the level that it had.
    """

    def __init__(self) -> None:
        self._handler: logging.Handler | None = None
        self._listener: logging.handlers.QueueListener | None = None
        self._levels: dict[logging.Logger, int] = {}

    def open(self, formatter: logging.Formatter, level: str) -> None:
        self.close()
        lines: queue.Queue[Any] = queue.Queue()
        self._handler = logging.handlers.QueueHandler(lines)
        self._handler.setFormatter(formatter)
        self._listener = logging.handlers.QueueListener(lines, logging.StreamHandler(sys.stdout))
        self._listener.start()
        root = logging.getLogger()
        root.addHandler(self._handler)
        self._set_level(root, level)
        for name in _TELL_ADDRESSES:
            self._set_level(logging.getLogger(name), logging.WARNING)

    def _set_level(self, logger: logging.Logger, level: str | int) -> None:
        self._levels[logger] = logger.level
        logger.setLevel(level)

    def close(self) -> None:
        if self._handler is None or self._listener is None:
            return
        logging.getLogger().removeHandler(self._handler)
        for logger, level in self._levels.items():
            logger.setLevel(level)
        self._levels.clear()
        self._listener.stop()
        self._handler = self._listener = None


_output = _Output()
atexit.register(_output.close)


def stop() -> None:
    """Write what is queued and stop writing; processes do it by themselves at exit."""
    _output.close()
