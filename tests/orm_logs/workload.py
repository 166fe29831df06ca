"""A small shop under load: what every ORM's script here does, in the order in which its threads do it.

Each script gives a Shop (get_or_create, add_one, ...) and runs main(). The log goes through one formatter; beside it goes the truth, one JSON object
an execution, taken from the ORM's hooks around the driver and not from its logger.
"""

import argparse
import json
import logging
import threading

FORMATTERS = {
    "bare": "%(message)s",
    "verbose": "%(levelname)s %(asctime)s %(module)s %(process)d %(thread)d %(message)s",
    "thread_name": "%(asctime)s %(levelname)s [%(threadName)s] %(name)s: %(message)s",
    "json": None,
}

# A value that looks like the log around it.
ODD = "O'Brien \"x\" %s ? :n\n2026-01-01 00:00:00,000 DEBUG [w-9] shop: SELECT 1\n[generated in 0.1s] ()\t\\ é"


class JsonFormatter(logging.Formatter):
    def format(self, record):
        return json.dumps({
            "timestamp": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "thread": record.threadName,
            "message": record.getMessage(),
        })


class Truth:
    """Executions as the driver was asked for them."""

    def __init__(self, path):
        self._file = open(path, "w", encoding="utf-8")
        self._lock = threading.Lock()

    def add(self, sql, params, many=False, **more):
        thread = threading.current_thread()
        for one in params if many else [params]:
            values = list(one.values()) if isinstance(one, dict) else list(one or ())
            line = {"thread": thread.name, "ident": thread.ident, "sql": sql, "params": [text(v) for v in values], **more}
            if isinstance(one, dict):
                line["names"] = list(one)
            with self._lock:
                self._file.write(json.dumps(line) + "\n")

    def close(self):
        self._file.close()


def text(value):
    """A value as `dbaudit events` prints a parameter."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value)
    if hasattr(value, "obj"):  # psycopg's wrappers
        value = value.obj
    return str(value)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--truth", required=True)
    parser.add_argument("--formatter", choices=FORMATTERS, required=True)
    parser.add_argument("--threads", type=int, default=3)
    return parser.parse_args()


def main(options, logger, level, make_shop):
    handler = logging.FileHandler(options.log, mode="w", encoding="utf-8")
    layout = FORMATTERS[options.formatter]
    handler.setFormatter(logging.Formatter(layout) if layout else JsonFormatter())
    truth = Truth(options.truth)
    shop = make_shop(options.url, truth)
    shop.create_tables()

    for name in [logger] + ([] if options.formatter == "bare" else ["shop"]):
        log = logging.getLogger(name)
        log.setLevel(level if name == logger else logging.INFO)
        log.addHandler(handler)
        log.propagate = False
    app = logging.getLogger("shop")
    app.propagate = False

    def work(number):
        me = f"item-{number}"
        if options.formatter != "bare":
            app.info("select a seat for %s; update follows", me)
        try:
            shop.get_or_create(me)
            shop.get_or_create("shared")
            shop.add_one(me)
            if shop.locks_rows:
                shop.add_one_locked(me)
            shop.nested(me)
            shop.fail("shared")
            shop.bulk([f"{me}-{i}" for i in range(3)])
            shop.odd(f"{ODD}{number}")
        except Exception:
            app.exception("update of %s failed", me)
            raise
        finally:
            shop.close()

    threads = [threading.Thread(target=work, args=(n,), name=f"w-{n}") for n in range(options.threads)]
    for t in threads:
        t.start()
        if shop.one_at_a_time:
            t.join()
    for t in threads:
        t.join()
    truth.close()
