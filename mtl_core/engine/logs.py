"""Log lines as JSON, on request: FREEZE_LAB_LOG=json.

Each line has `time`, `level`, `logger` and `message`, the id of the run in `run` if the line is
about one, and the traceback of an error in `error`.
"""

import json
import logging
import os
import sys
from datetime import UTC, datetime

from mtl_core.errors import BadInput

_VARIABLE = "FREEZE_LAB_LOG"
_FORMS = ("text", "json")


def configure_logs() -> None:
    """Write the log lines of Freeze Lab to standard error in the format of FREEZE_LAB_LOG.

    As text only warnings are written, as JSON the starts and ends of runs too. Raises BadInput for
    another value.
    """
    form = os.environ.get(_VARIABLE, "").strip() or "text"
    if form not in _FORMS:
        raise BadInput(f"{_VARIABLE}={form}: {' or '.join(_FORMS)} is needed.")
    if form == "json":
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        logger = logging.getLogger("mtl_core")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (run := getattr(record, "run", None)) is not None:
            line["run"] = run
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
