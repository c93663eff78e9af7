"""The file of the history: opened and checked, and each fault of it an error of ours. Effects: SQLite.

Everything happens in one transaction, which SQLite keeps whole whatever kills the process or fills the disk, and which
waits for another process that writes.
"""

from __future__ import annotations

import contextlib
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

from harness.errors import ConfigError, UnavailableError

HISTORY_SCHEMA = 1
# "wash", so that no other program's database is taken for ours.
APPLICATION = 0x77617368
WAIT_SECONDS = 120.0
# What comes of reading values that SQLite can read and nobody has written so.
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, struct.error)

# `changes` are steps (see changes.py), at runs that saw something else than the run before; `sightings` is what runs
# saw that say nothing of the rest of the module. The state 0 is changes.ABSENT. `seconds` and `slow` are durations of
# modules and of cases, packed.
TABLES = """
CREATE TABLE cells (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE modules (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE cases (id INTEGER PRIMARY KEY, module INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (name, module));
CREATE INDEX cases_of_module ON cases (module);
CREATE TABLE states (id INTEGER PRIMARY KEY, outcome TEXT, signature TEXT NOT NULL, steady INTEGER NOT NULL,
    UNIQUE (outcome, signature, steady));
INSERT INTO states VALUES (0, NULL, '', 1);
CREATE TABLE setups (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE coverages (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE runs (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, cell INTEGER NOT NULL, started TEXT NOT NULL,
    source TEXT NOT NULL, setup INTEGER NOT NULL, coverage INTEGER NOT NULL, seconds BLOB NOT NULL, slow BLOB NOT NULL);
CREATE INDEX runs_of_cell ON runs (cell, started, digest);
CREATE TABLE changes (cell INTEGER, case_id INTEGER, run INTEGER, state INTEGER NOT NULL,
    PRIMARY KEY (cell, case_id, run)) WITHOUT ROWID;
CREATE TABLE sightings (cell INTEGER, case_id INTEGER, run INTEGER, state INTEGER NOT NULL,
    PRIMARY KEY (cell, case_id, run)) WITHOUT ROWID;
"""
# Bytes of stack that a case needs, NULL where nothing is enough. Files of an earlier harness get it when they are
# written to.
STACKS = """
CREATE TABLE IF NOT EXISTS stacks (run INTEGER, case_id INTEGER, bytes INTEGER,
    PRIMARY KEY (run, case_id)) WITHOUT ROWID
"""


@contextlib.contextmanager
def opened(path: Path, *, write: bool, checked: bool = False) -> Iterator[sqlite3.Connection]:
    """The history in that file, within one transaction: of a writer all is kept, or nothing. A writer reads the whole
    file for damage, 0.5 s for 40 MB, unless it has `checked` it just now; a reader finds only that in what it reads.

    ConfigError when the file is no history, is damaged, is of a newer harness, or (for a reader) is not there;
    UnavailableError when the disk refuses, or somebody else writes for too long.
    """
    if write:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _refused(path, str(error.strerror)) from error
    elif not path.is_file():
        raise _empty(path)
    # A reader may have to undo what a killed writer left, so it opens the file as a writer does, if it may write.
    address = f"{path.absolute().as_uri()}?mode={'rwc' if write else 'rw'}"
    with _errors_explained(path), contextlib.closing(_connect(address)) as connection:
        connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        try:
            _check(connection, path, write=write, whole=write and not checked)
            if write:
                connection.execute(STACKS)
            yield connection
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _connect(address: str) -> sqlite3.Connection:
    """A connection for the caller to close; it is closed here when the file is refused (the pragma reads it)."""
    connection = sqlite3.connect(address, uri=True, timeout=WAIT_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA cache_size = -65536")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path, *, write: bool, whole: bool) -> None:
    """Makes the tables of a new file; refuses what is not ours, and when the `whole` file is to be read, what is
    damaged.
    """
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if (schema, application, tables) == (0, 0, 0):
        if not write:
            raise _empty(path)
        for statement in TABLES.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {HISTORY_SCHEMA}")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        return
    if application != APPLICATION:
        raise ConfigError(f"{path} is the database of another program", hint="name another file with --history FILE")
    if schema != HISTORY_SCHEMA:
        raise ConfigError(
            f"{path} is a history of schema {schema}: this harness has schema {HISTORY_SCHEMA}",
            hint="use the harness that wrote it, or record the runs again with --history FILE",
        )
    if whole:
        # quick_check takes four fifths of the time and lets a third of the damage pass.
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise _damaged(path, " ".join(found.split()))


def _empty(path: Path) -> ConfigError:
    return ConfigError(f"there is no history in {path}", hint="record runs first: python -m harness record RUN...")


def _refused(path: Path, why: str) -> UnavailableError:
    return UnavailableError(
        f"cannot use the history {path}: {why}; nothing of this was recorded",
        hint="free some space, or name a file that can be written with --history FILE",
    )


@contextlib.contextmanager
def _errors_explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise UnavailableError(
                f"{path}: another process has been writing for {WAIT_SECONDS:.0f} s", hint="try again when it has ended"
            ) from error
        raise (_refused if code in _REFUSED else _damaged)(path, str(error)) from error
    except _UNREADABLE as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


_REFUSED = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
}


def _damaged(path: Path, what: str) -> ConfigError:
    return ConfigError(
        f"the history {path} is damaged or not ours: {what}",
        hint="move it away and record the runs that are still there: python -m harness record RUN...",
    )
