"""Names of files, what they lead to, and their times."""

import contextlib
import os

from observed import NoEffect, new_file, scratch

BELOW_MOST_LIMITS = 100
EARLIER, LATER = 1_000_000_000, 1_500_000_000


def new_folder(name: str) -> str:
    path = scratch(name)
    os.mkdir(path)
    return path


def replaced_and_removed(name: str) -> str:
    """The name of a file over which another one was renamed, and that was removed then."""
    path = new_file(name)
    os.rename(new_file(f"{name}-by-this"), path)
    os.remove(path)
    return path


def rename_over_a_file() -> None:
    os.mkdir(replaced_and_removed("replaced"))


def make_again_what_was_replaced() -> None:
    with open(replaced_and_removed("made-again"), "wb+"):
        pass


def text_of_a_link() -> None:
    link = scratch("relative-link")
    os.symlink("absent", link)
    if os.readlink(link) != "absent":
        raise NoEffect(f"a link to 'absent' reads as {os.readlink(link)!r}")


def write_through_a_link() -> None:
    link = scratch("link-to-be")
    os.symlink("made-through-the-link", link)
    os.close(os.open(link, os.O_CREAT | os.O_WRONLY))
    os.stat(scratch("made-through-the-link"))


def create_below_a_file() -> None:
    try:
        os.close(os.open(new_file("no-folder") + "/below", os.O_CREAT | os.O_WRONLY))
    except NotADirectoryError:
        return
    raise NoEffect("a file was made below a file")


def mode_of_a_link_to_nothing() -> None:
    """Where a link has no mode of its own, the call is not implemented; the link itself is there."""
    link = scratch("link-to-nothing")
    os.symlink(scratch("nothing"), link)
    with contextlib.suppress(NotImplementedError):
        os.chmod(link, 0o600, follow_symlinks=False)


def create_with_a_slash() -> None:
    try:
        os.close(os.open(scratch("slash/"), os.O_CREAT | os.O_WRONLY))
    except (IsADirectoryError, FileNotFoundError):
        return
    raise NoEffect("a file was made under a name that ends in a slash")


def many_parents() -> None:
    """More of them than a path may have symbolic links."""
    os.stat("/" + "../" * 50)


def parent_of_nothing() -> None:
    try:
        os.stat(scratch("nothing/.."))
    except FileNotFoundError:
        return
    raise NoEffect("the parent of a folder that does not exist was found")


def parent_of_a_link() -> None:
    """POSIX follows the link first, and goes to the parent of where it leads."""
    os.mkdir(new_folder("far") + "/away")
    os.symlink("far/away", scratch("link-to-away"))
    if os.stat(scratch("link-to-away/..")).st_ino != os.stat(scratch("far")).st_ino:
        raise NoEffect("`link/..` is the folder that has the link, not the parent of where it leads")


def endless_links() -> None:
    folder = new_folder("endless")
    os.symlink(".", f"{folder}/again")
    try:
        os.stat(folder + "/again" * BELOW_MOST_LIMITS)
    except OSError:
        return
    raise NoEffect(f"{BELOW_MOST_LIMITS} links were followed in one path")


def inode_of_an_entry() -> None:
    folder = new_folder("listed")
    os.mkdir(f"{folder}/inner")
    with os.scandir(folder) as entries:
        (entry,) = entries
    if entry.inode() != os.stat(entry.path).st_ino:
        raise NoEffect("a folder's entry has another inode than stat() gives")


def seek_in_dev_null() -> None:
    descriptor = os.open("/dev/null", os.O_RDWR)
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
    finally:
        os.close(descriptor)


def list_of_descriptors() -> None:
    if not os.listdir("/proc/self/fd"):
        raise NoEffect("the list is empty")


def two_times() -> None:
    path = new_file("two-times")
    os.utime(path, (EARLIER, LATER))
    seen = os.stat(path)
    if (seen.st_atime, seen.st_mtime) != (EARLIER, LATER):
        raise NoEffect(f"atime {EARLIER} and mtime {LATER} were set and are {seen.st_atime} and {seen.st_mtime}")


def times_after_chmod() -> None:
    path = new_file("chmod-times")
    os.utime(path, (EARLIER, EARLIER))
    os.chmod(path, 0o644)
    if os.stat(path).st_mtime != EARLIER:
        raise NoEffect("chmod() has changed the mtime")


def microseconds() -> None:
    path = new_file("microseconds")
    os.utime(path, ns=(EARLIER * 10**9 + 123_456_000, EARLIER * 10**9 + 654_321_000))
    if os.stat(path).st_mtime_ns % 10**9 != 654_321_000:
        raise NoEffect(f"654321 us were set, {os.stat(path).st_mtime_ns % 10**9 / 1000:g} us are there")


def name_that_is_not_utf8() -> None:
    folder = os.fsencode(new_folder("names-of-bytes"))
    os.close(os.open(folder + b"/\xff", os.O_CREAT | os.O_WRONLY))
    if os.listdir(folder) != [b"\xff"]:
        raise NoEffect(f"a file named b'\\xff' is in its folder as {os.listdir(folder)[0]!r}")
