"""The environment of builds: the user's own, without variables that change a build and are not in its key. Pure."""

from __future__ import annotations

from collections.abc import Mapping

# Variables of compilers, of make (which passes its own on when the harness is run by one), configure and the linker.
_FOREIGN = frozenset(
    [
        "AR",
        "ARFLAGS",
        "AS",
        "ASFLAGS",
        "CC",
        "CFLAGS",
        "CHOST",
        "CONFIG_SITE",
        "CPATH",
        "CPLUS_INCLUDE_PATH",
        "CPP",
        "CPPFLAGS",
        "CXX",
        "CXXFLAGS",
        "C_INCLUDE_PATH",
        "EXTRA_CFLAGS",
        "GNUMAKEFLAGS",
        "LD",
        "LDFLAGS",
        "LDSHARED",
        "LIBRARY_PATH",
        "LIBS",
        "LINKFORSHARED",
        "MACHINE",
        "MAKEFLAGS",
        "MAKELEVEL",
        "MFLAGS",
        "NM",
        "OBJC_INCLUDE_PATH",
        "OPT",
        "PKG_CONFIG",
        "PKG_CONFIG_LIBDIR",
        "PKG_CONFIG_PATH",
        "PKG_CONFIG_SYSROOT_DIR",
        "PROFILE_TASK",
        "RANLIB",
        "READELF",
        "STRIP",
    ]
)
_FOREIGN_BEGINNINGS = ("PYTHON", "_PYTHON")


def clean_build_env(env: Mapping[str, str]) -> dict[str, str]:
    """The environment without the user's compilers and flags, and without what a Python would take from it."""
    return {
        name: value for name, value in env.items() if name not in _FOREIGN and not name.startswith(_FOREIGN_BEGINNINGS)
    }
