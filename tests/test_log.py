"""The log, in words and as JSON, as a process writes it to stderr."""

import json
import subprocess
import sys
from datetime import UTC, datetime

_PROGRAM = """
import logging
from embedding.log import facts, logged_with, say_error, start_log
log = logging.getLogger("bookspace")
start_log()
log.info("in words", extra=facts(rows=1))
say_error("a fault")
start_log("json")
log.info("alone")
with logged_with(run="r1", step="read_dump"):
    with logged_with(table="pages"):
        log.info("%s rows of «%s»", 12, "Ä\\nB", extra=facts(rows=12, seconds=0.5))
    try:
        raise ValueError("why")
    except ValueError:
        log.exception("it broke")
try:
    with logged_with(run="r2", wiki="testwiki"):
        with logged_with(step="publish"):
            raise ValueError("of a step")
except ValueError as error:
    say_error(str(error))
with logged_with(run="r3"):
    pass
say_error("a fault")
logging.getLogger("library").warning("from elsewhere")
"""


def test_a_line_an_event_in_words_or_as_json() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, encoding="utf-8")
    words, fault, *lines = done.stderr.splitlines()
    assert words.endswith(" in words")
    assert fault == "bookspace: a fault"
    events = [json.loads(line) for line in lines]
    assert all(abs(datetime.now(UTC).timestamp() - datetime.fromisoformat(event.pop("time")).timestamp()) < 600 for event in events)
    alone, rows, broke, of_a_step, error, elsewhere = events
    assert alone == {"level": "info", "message": "alone"}
    assert rows == {
        "level": "info", "run": "r1", "step": "read_dump", "table": "pages", "message": "12 rows of «Ä\nB»", "rows": 12, "seconds": 0.5,
    }  # fmt: skip
    assert broke.pop("traceback").endswith("ValueError: why")
    assert broke == {"level": "error", "run": "r1", "step": "read_dump", "message": "it broke"}
    assert of_a_step == {"level": "error", "run": "r2", "wiki": "testwiki", "step": "publish", "message": "of a step"}
    assert error == {"level": "error", "message": "a fault"}
    assert elsewhere == {"level": "warning", "message": "from elsewhere"}
