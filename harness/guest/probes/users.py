"""Users and groups."""

import os

from observed import NoEffect, NotApplicable, new_file


def pwd() -> None:
    import pwd

    if pwd.getpwuid(0).pw_name != "root":
        raise NoEffect("user 0 is not root")


def grp() -> None:
    import grp

    if grp.getgrgid(0).gr_gid != 0:
        raise NoEffect("group 0 is another one")


def _as_root() -> None:
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        raise NotApplicable("only root may")


def setgroups() -> None:
    _as_root()
    os.setgroups([7])
    if os.getgroups() != [7]:
        raise NoEffect(f"the groups are {os.getgroups()}")


def setuid() -> None:
    _as_root()
    os.setuid(7)
    if os.getuid() != 7:
        raise NoEffect(f"the user is {os.getuid()}")


def geteuid() -> None:
    os.geteuid()


def getuid() -> None:
    """A new file belongs to whom getuid() names, unless the number is made up."""
    owner, name = os.stat(new_file("mine")).st_uid, os.getuid()
    if owner != name:
        raise NoEffect(f"getuid() gives {name}, and a new file belongs to {owner}")


def getgroups() -> None:
    os.getgroups()
