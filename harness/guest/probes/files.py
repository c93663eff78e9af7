"""Files, links, permissions, descriptors."""

import os
import stat
import sys
from collections.abc import Callable

from observed import SCRATCH, NoEffect, NotApplicable, new_file, scratch

OTHER_ID = 12345


def mode_of(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def umask() -> None:
    before = os.umask(0o077)
    try:
        path = scratch("masked")
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o666))
    finally:
        os.umask(before)
    if mode_of(path) != 0o600:
        raise NoEffect(f"a file made under umask 077 has the mode {mode_of(path):o}")


def hard_link() -> None:
    path = new_file("linked")
    os.link(path, scratch("second-name"))
    if os.stat(path).st_nlink != 2:
        raise NoEffect(f"the file has {os.stat(path).st_nlink} names")


def absolute_symbolic_link() -> None:
    path = new_file("absolute-target")
    os.symlink(path, scratch("absolute-link"))
    if os.readlink(scratch("absolute-link")) != path:
        raise NoEffect("the link points elsewhere")


def climb_out_of_the_folder() -> None:
    os.stat(f"{SCRATCH}/../{os.path.basename(SCRATCH)}")


def opened(name: str) -> int:
    return os.open(new_file(name, b"abcdef"), os.O_RDWR)


def pread() -> None:
    if os.pread(opened("pread"), 2, 3) != b"de":
        raise NoEffect("it reads something else")


def preadv() -> None:
    into = bytearray(2)
    if os.preadv(opened("preadv"), [into], 3) != 2 or into != b"de":
        raise NoEffect("it reads something else")


def pwrite() -> None:
    descriptor = opened("pwrite")
    os.pwrite(descriptor, b"XY", 3)
    if os.read(descriptor, 100) != b"abcXYf":
        raise NoEffect("it writes something else")


def pwritev() -> None:
    descriptor = opened("pwritev")
    os.pwritev(descriptor, [b"XY"], 3)
    if os.read(descriptor, 100) != b"abcXYf":
        raise NoEffect("it writes something else")


def mkfifo() -> None:
    os.mkfifo(scratch("fifo"))
    if not stat.S_ISFIFO(os.stat(scratch("fifo")).st_mode):
        raise NoEffect("what was made is no fifo")


def mknod() -> None:
    os.mknod(scratch("node"), 0o600 | stat.S_IFIFO)
    if not stat.S_ISFIFO(os.stat(scratch("node")).st_mode):
        raise NoEffect("what was made is no fifo")


def large_file() -> None:
    """One byte far beyond what 32 bits can count; the hole before it takes no space."""
    path, place = scratch("large"), (1 << 32) + 5
    with open(path, "wb") as stream:
        stream.seek(place)
        stream.write(b"x")
    size = os.stat(path).st_size
    os.unlink(path)
    if size != place + 1:
        raise NoEffect(f"the size is {size}")


def memory_map() -> None:
    """What is in a file can be read through a map of it."""
    import mmap

    with open(new_file("mapped", b"a" * mmap.PAGESIZE), "r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapped:
        if len(mapped) != mmap.PAGESIZE or mapped[:3] != b"aaa" or mapped.find(b"b") != -1:
            raise NoEffect("the map shows something else than the file")


def memory_map_flush() -> None:
    """What is written to a map is in the file, for who opens it, as soon as the map is flushed."""
    import mmap

    path = new_file("flushed", b"a" * mmap.PAGESIZE)
    with open(path, "r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapped:
        mapped[:3] = b"xyz"
        mapped.flush()
        with open(path, "rb") as other:
            if other.read(4) != b"xyza":
                raise NoEffect("what was written to the map is not in the file")


def memory_map_flush_of_a_part() -> None:
    import mmap

    path = new_file("second-page", b"a" * 2 * mmap.PAGESIZE)
    with open(path, "r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapped:
        mapped[mmap.PAGESIZE : mmap.PAGESIZE + 3] = b"xyz"
        mapped.flush(mmap.PAGESIZE, mmap.PAGESIZE)
        with open(path, "rb") as other:
            other.seek(mmap.PAGESIZE)
            if other.read(4) != b"xyza":
                raise NoEffect("what was written to the map is not in the file")


def memory_map_shared() -> None:
    """Two maps of one file are one memory."""
    import mmap

    with open(new_file("shared", b"a" * mmap.PAGESIZE), "r+b") as stream:
        one, other = mmap.mmap(stream.fileno(), 0), mmap.mmap(stream.fileno(), 0)
        one[:3] = b"xyz"
        if other[:3] != b"xyz":
            raise NoEffect("what was written to one map is not in the other one")


def chmod() -> None:
    path = new_file("chmod")
    for mode in (0o600, 0o400):
        os.chmod(path, mode)
        if mode_of(path) != mode:
            raise NoEffect(f"the mode is {mode_of(path):o}, not {mode:o}")


def fchmod() -> None:
    path = new_file("fchmod")
    descriptor = os.open(path, os.O_RDWR)
    for mode in (0o600, 0o400):
        os.fchmod(descriptor, mode)
        if mode_of(path) != mode:
            raise NoEffect(f"the mode is {mode_of(path):o}, not {mode:o}")


def own(change: Callable[[int], None], path: str) -> None:
    """Gives the file to somebody else where that is allowed, else to whom it belongs already."""
    to = OTHER_ID if not hasattr(os, "geteuid") or os.geteuid() == 0 else os.geteuid()
    change(to)
    if os.stat(path).st_uid != to:
        raise NoEffect(f"the owner is {os.stat(path).st_uid}, not {to}")


def chown() -> None:
    path = new_file("chown")
    own(lambda to: os.chown(path, to, -1), path)


def fchown() -> None:
    path = new_file("fchown")
    descriptor = os.open(path, os.O_RDWR)
    own(lambda to: os.fchown(descriptor, to, -1), path)


def lchown() -> None:
    path = new_file("lchown")
    own(lambda to: os.lchown(path, to, -1), path)


def lchmod() -> None:
    if sys.platform == "linux":
        raise NotApplicable("Linux has no lchmod()")
    path = new_file("lchmod")
    os.lchmod(path, 0o400)
    if mode_of(path) != 0o400:
        raise NoEffect(f"the mode is {mode_of(path):o}")


def dup() -> None:
    descriptor = opened("dup")
    if os.read(os.dup(descriptor), 100) != b"abcdef":
        raise NoEffect("the second descriptor reads something else")


def dup2() -> None:
    one, other = opened("dup2"), opened("dup2-other")
    os.dup2(one, other)
    os.read(one, 3)
    if os.read(other, 100) != b"def":
        raise NoEffect("the two have not one position")


def pipe() -> None:
    read, write = os.pipe()
    os.write(write, b"hello")
    if os.read(read, 100) != b"hello":
        raise NoEffect("what was written did not come out")


def sendfile() -> None:
    out = os.open(scratch("sendfile-to"), os.O_CREAT | os.O_RDWR, 0o600)
    os.sendfile(out, opened("sendfile-from"), 0, 6)
    if os.stat(scratch("sendfile-to")).st_size != 6:
        raise NoEffect("nothing was sent")


def lock() -> None:
    import fcntl

    descriptor = opened("locked")
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def descriptor_flags() -> None:
    import fcntl

    descriptor = opened("flags")
    fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    if fcntl.fcntl(descriptor, fcntl.F_GETFD) != fcntl.FD_CLOEXEC:
        raise NoEffect("the flag is not set")


def set_blocking() -> None:
    """Of a regular file, which is where a guest has descriptors from."""
    descriptor = opened("blocking")
    os.set_blocking(descriptor, False)
    if os.get_blocking(descriptor):
        raise NoEffect("the descriptor still blocks")


def chroot() -> None:
    """Without the right to it, or with a folder that is not there, the call says so."""
    try:
        os.chroot(scratch("no-such-folder"))
    except (PermissionError, FileNotFoundError):
        return


def dev_null() -> None:
    with open("/dev/null", "r+b", buffering=0) as stream:
        stream.write(b"gone")
        if stream.read(1) != b"":
            raise NoEffect("something comes out of it")


def block_size() -> None:
    if os.stat(SCRATCH).st_blksize <= 0:
        raise NoEffect("the block size is not given")


def pseudo_terminal() -> None:
    _, terminal = os.openpty()
    if not os.isatty(terminal):
        raise NoEffect("what was opened is no terminal")


def controlling_terminal() -> None:
    if os.ctermid() != "/dev/tty":
        raise NoEffect(f"the terminal is {os.ctermid()!r}")


def hidden_password() -> None:
    """Typing must not be shown; the fallback shows it."""
    import getpass

    if getpass.getpass is getpass.fallback_getpass:
        raise NoEffect("getpass shows what is typed")


def fstat_of_a_pipe() -> None:
    read, _ = os.pipe()
    if not stat.S_ISFIFO(os.fstat(read).st_mode):
        raise NoEffect("a pipe is no fifo")


def fstat_of_an_unlinked_file() -> None:
    descriptor = opened("unlinked")
    os.unlink(scratch("unlinked"))
    if os.fstat(descriptor).st_size != 6:
        raise NoEffect("the size is lost")


def fstat_of_a_renamed_file() -> None:
    descriptor = opened("before")
    os.rename(scratch("before"), scratch("after"))
    if os.fstat(descriptor).st_size != 6:
        raise NoEffect("the size is lost")


def memory_map_of_a_closed_file() -> None:
    import mmap

    with open(new_file("closed", b"a" * mmap.PAGESIZE), "r+b") as stream:
        mapped = mmap.mmap(stream.fileno(), 0)
    mapped[:3] = b"xyz"
    mapped.flush()
    mapped.close()
    with open(scratch("closed"), "rb") as stream:
        if stream.read(3) != b"xyz":
            raise NoEffect("what was written to the map is not in the file")


def dup_of_standard_output() -> None:
    os.close(os.dup(1))


def read_only_folder() -> None:
    """Nothing can be made in a folder that nobody may write to; root's own power is not with us."""
    folder = scratch("read-only")
    os.mkdir(folder)
    os.chmod(folder, 0o500)
    try:
        os.close(os.open(os.path.join(folder, "file"), os.O_CREAT | os.O_WRONLY, 0o600))
    except PermissionError:
        return
    raise NoEffect("a file was made in it")


def empty_path() -> None:
    try:
        os.listdir("")
    except FileNotFoundError:
        return
    raise NoEffect("the folder with an empty name can be listed")
