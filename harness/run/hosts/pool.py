"""What pytest-xdist does not do by itself for workers on other machines.

It would copy pytest to every host, start a dead host's worker again without end, and count the module that was under
way there as failed. Here a host is joined to the run; when one is lost, its modules go to the others.
"""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from typing import Any

import execnet

from harness.errors import HarnessError, UnavailableError

logger = logging.getLogger(__name__)

# ssh's own defaults wait two minutes for a host that does not answer, and for ever for one that fell silent.
_SSH_OPTIONS = "-o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=10 -o ServerAliveCountMax=3"
# How often a worker is started again on the same host, and a module that was under way when one was lost.
TRIES = 2
LOST = "lost"


def is_remote(spec: Any) -> bool:
    """True for a worker that does not share this machine's files."""
    return not spec.popen


def name_of(spec: Any) -> str:
    """How messages call the host of a worker."""
    return str(spec.ssh or spec.socket or spec.vagrant_ssh or "this machine").rpartition(_SSH_OPTIONS)[2].strip()


class HostPool:
    """Stands between xdist's session and its workers."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._restarts: Counter[str] = Counter()
        self._lost_modules: Counter[str] = Counter()
        manager = session.nodemanager
        self._setup = manager.setup_node
        manager.setup_node = self.start
        if any(is_remote(spec) for spec in manager.specs):
            # Each host has a pytest of its own, next to the harness.
            manager.roots.clear()
            self._clone = session._clone_node  # noqa: SLF001 - xdist has no hook for it; an integration test holds it
            session._clone_node = self.replace  # noqa: SLF001

    def start(self, spec: Any, putevent: Any) -> Any:
        """Starts a worker, as xdist's own `setup_node` does. UnavailableError for a host that cannot be reached."""
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
        """A worker in the place of one that was lost: on its own host, or, when nobody else would run what is left, on
        another.
        """
        others = self._session._active_nodes - {node}  # noqa: SLF001
        specs = [node.gateway.spec]
        if all(other.shutting_down for other in others):
            specs += [other.gateway.spec for other in others]
        for spec in specs:
            if self._restarts[name_of(spec)] < TRIES:
                self._restarts[name_of(spec)] += 1
                # What is kept of a gateway that is gone is only where it was.
                node.gateway.spec = execnet.XSpec(str(spec))
                with contextlib.suppress(HarnessError):
                    return self._clone(node)
        logger.info("%s is lost; what it had not finished goes to the others", name_of(specs[0]))
        if not others:
            self._session.shouldstop = "no host is left; --run-dir DIR --resume goes on"
        return None

    def try_again(self, module: str, report: Any, scheduler: Any) -> None:
        """A module that was under way on a worker that was lost runs once more, and is no failure yet."""
        self._lost_modules[module] += 1
        if self._lost_modules[module] <= TRIES and hasattr(scheduler, "mark_test_pending"):
            with contextlib.suppress(NotImplementedError):
                scheduler.mark_test_pending(module)
                report.outcome, report.when, report.longrepr = LOST, "call", ""
