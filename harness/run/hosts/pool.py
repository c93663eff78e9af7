"""Extends pytest-xdist for workers on other machines.

By itself xdist would copy pytest to every host, start the worker of a dead host again without end, and count the module
that ran there as failed. The pool joins hosts to the run, and gives the modules of a lost host to the others.
"""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from typing import Any

import execnet

from harness.errors import HarnessError, UnavailableError

logger = logging.getLogger(__name__)

# By default ssh waits two minutes for a host that does not answer, and forever for one that stops answering.
_SSH_OPTIONS = "-o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=10 -o ServerAliveCountMax=3"
# How often a worker is started on the same host, and how often a module runs whose worker was lost.
TRIES = 2
LOST = "lost"


def is_remote(spec: Any) -> bool:
    """Whether the worker is on another machine, without access to the files of this one."""
    return not spec.popen


def name_of(spec: Any) -> str:
    """The name of a worker's host in messages."""
    return str(spec.ssh or spec.socket or spec.vagrant_ssh or "this machine").rpartition(_SSH_OPTIONS)[2].strip()


class HostPool:
    """Starts and replaces the workers of xdist's session."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._restarts: Counter[str] = Counter()
        self._lost_modules: Counter[str] = Counter()
        manager = session.nodemanager
        self._setup = manager.setup_node
        manager.setup_node = self.start
        if any(is_remote(spec) for spec in manager.specs):
            # xdist need not copy pytest, since each host has its own next to the harness.
            manager.roots.clear()
            self._clone = session._clone_node  # noqa: SLF001 - xdist has no hook for it; an integration test holds it
            session._clone_node = self.replace  # noqa: SLF001

    def start(self, spec: Any, putevent: Any) -> Any:
        """Starts a worker as xdist's own `setup_node` does, and returns its node. UnavailableError for a host that
        cannot be reached.
        """
        if spec.ssh and _SSH_OPTIONS not in spec.ssh:
            spec.ssh = f"{_SSH_OPTIONS} {spec.ssh}"
        try:
            return self._setup(spec, putevent)
        except (execnet.HostNotFound, EOFError, OSError) as error:
            raise UnavailableError(
                f"{name_of(spec)} cannot be reached, or what python= names does not run there",
                hint=f"`ssh {name_of(spec)} {spec.python or 'python'} --version` must answer without a question",
            ) from error

    def replace(self, node: Any) -> Any:
        """The worker that replaces a lost one: on the same host, or, if all other workers are shutting down, on one of
        their hosts. None if neither is possible, and the remaining workers take the modules.
        """
        others = self._session._active_nodes - {node}  # noqa: SLF001
        specs = [node.gateway.spec]
        if all(other.shutting_down for other in others):
            specs += [other.gateway.spec for other in others]
        for spec in specs:
            if self._restarts[name_of(spec)] < TRIES:
                self._restarts[name_of(spec)] += 1
                # Of the lost gateway only its address is used.
                node.gateway.spec = execnet.XSpec(str(spec))
                with contextlib.suppress(HarnessError):
                    return self._clone(node)
        logger.info("%s is lost; what it had not finished goes to the others", name_of(specs[0]))
        if not others:
            self._session.shouldstop = "no host is left; --run-dir DIR --resume goes on"
        return None

    def try_again(self, module: str, report: Any, scheduler: Any) -> None:
        """Schedules a module again whose worker was lost, and keeps it from being reported as a failure yet."""
        self._lost_modules[module] += 1
        if self._lost_modules[module] <= TRIES and hasattr(scheduler, "mark_test_pending"):
            with contextlib.suppress(NotImplementedError):
                scheduler.mark_test_pending(module)
                report.outcome, report.when, report.longrepr = LOST, "call", ""
