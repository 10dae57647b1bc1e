"""The log on stderr, an event a line: in words, or as JSON for machines that collect logs."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

_LOGGER = logging.getLogger("bookspace")
_context: dict[str, Any] = {}  # what all lines of this process have in common at the moment; a process does one step at a time
_raised_in: dict[str, Any] = {}  # the context in which an error was raised that is on its way to whoever tells it


def start_log(how: Literal["text", "json"] = "text") -> None:
    """Log to stderr; called again, only the format changes."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    _LOGGER.setLevel(logging.INFO)
    # That the JVM is gone is said in one line by `spark.one_line`; py4j tells it with a traceback, by its own logger or by the root's.
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    logging.getLogger().addFilter(_is_not_py4js)
    formatter = JsonFormatter() if how == "json" else logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter)


def _is_not_py4js(record: logging.LogRecord) -> bool:
    return Path(record.pathname).parent.name != "py4j"


def facts(**values: Any) -> dict[str, Any]:
    """`log.info(..., extra=facts(rows=3))`: what a JSON line says beside the message, by name."""
    return {"facts": values}


@contextmanager
def logged_with(**values: Any) -> Iterator[None]:
    """Every JSON line within the block says this too (run, wiki, snapshot, step)."""
    before = dict(_context)
    _context.update(values)
    if not before:
        _raised_in.clear()
    try:
        yield
    except BaseException:
        _raised_in.update({name: value for name, value in _context.items() if name not in _raised_in})
        raise
    finally:
        _context.clear()
        _context.update(before)


def say_error(message: str) -> None:
    """Tell the user what went wrong: one line, with the command's name before it, or a JSON line at level error, of the run and step."""
    if any(isinstance(handler.formatter, JsonFormatter) for handler in logging.getLogger().handlers):
        _LOGGER.error(message, extra=facts(**_raised_in))
    else:
        print(f"bookspace: {message}", file=sys.stderr)


class JsonFormatter(logging.Formatter):
    """A JSON object a line: time (UTC), level, the context, the message, its facts."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **_context,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False, default=str)
