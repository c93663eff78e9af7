"""Tries every call that changes something, on everything a guest must not change. Runs inside the built interpreter only.

`escape.py JOURNAL OUT`: the number of its journal, and a folder of the host that is not mounted. There are a file
`secret` and a folder `folder` in OUT, in /sealed, from whose files and folders the permission to write has been taken,
and in /given, from which it has not. /tmp is the scratch folder. Prints a line for each attempt that was not refused,
and `end` in the end.
"""

import os
import sys

JOURNAL, OUT = int(sys.argv[1]), sys.argv[2]
MOUNTS = ("/sealed", "/given")
# The errors of a call that this system does not have, or not for such arguments.
REFUSED = (OSError, NotImplementedError, AttributeError, ImportError, TypeError, ValueError)


def attempt(name, call):
    try:
        call()
    except REFUSED:
        return
    print("not refused:", name)


def attempt_mode(name, call):
    """WASI has no modes: a call that changes one does nothing, and says that it did."""
    if sys.platform == "wasi":
        quietly(call)
    else:
        attempt(name, call)


def attempt_by(path, name, call):
    """Through a link that the guest has made, if it could make it."""
    if os.path.islink(path):
        attempt(f"{name} {path}", call)


def quietly(call):
    try:
        call()
    except REFUSED:
        pass


def link(target, path):
    """A symbolic link, where it may lead out of its mount."""
    quietly(lambda: os.symlink(target, path))


def write(path, mode="w"):
    with open(path, mode) as stream:
        stream.write("written by the guest")


def open_to_write(path, flags, **at):
    """By a descriptor of a folder, WASI opens a file for less than it is asked for, and says nothing."""
    descriptor = os.open(path, flags, **at)
    if not flags & os.O_TRUNC:
        os.write(descriptor, b"x")


def look_into(base):
    attempt(f"stat {base}", lambda: os.stat(base))
    attempt(f"list {base}", lambda: os.listdir(base))
    attempt(f"enter {base}", lambda: os.chdir(base))
    attempt(f"read in {base}", lambda: open(f"{base}/secret").close())


def attack_path(path, **at):
    """`at` may have a dir_fd."""
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_APPEND | os.O_WRONLY, os.O_TRUNC, os.O_TRUNC | os.O_RDWR):
        for more in (flags, flags | os.O_NOFOLLOW):
            attempt(f"open {path} {at} with {more:#o}", lambda: open_to_write(path, more, **at))
    # A link in the scratch folder is the guest's own.
    own = path.startswith("/tmp/") and os.path.islink(path)
    for follow in ({}, *([] if own else [{"follow_symlinks": False}])):
        attempt_mode(f"chmod {path} {at} {follow}", lambda: os.chmod(path, 0o777, **at, **follow))
        attempt(f"chown {path} {at} {follow}", lambda: os.chown(path, 7, 7, **at, **follow))
        attempt(f"utime {path} {at} {follow}", lambda: os.utime(path, (1, 1), **at, **follow))
        attempt(f"utime of now {path} {at} {follow}", lambda: os.utime(path, **at, **follow))
    if not at:
        attempt(f"truncate {path}", lambda: os.truncate(path, 0))
        if not own:
            attempt_mode(f"lchmod {path}", lambda: os.lchmod(path, 0o777))
            attempt(f"lchown {path}", lambda: os.lchown(path, 7, 7))
        attempt(f"setxattr {path}", lambda: os.setxattr(path, "user.x", b"x"))


def attack_names(base, **at):
    """What changes the names in a folder; `base` ends with a slash, or is empty with a dir_fd."""
    there, back = ({"src_dir_fd": at["dir_fd"]}, {"dst_dir_fd": at["dir_fd"]}) if at else ({}, {})
    attempt(f"create in {base} {at}", lambda: os.open(f"{base}new", os.O_CREAT | os.O_WRONLY, **at))
    attempt(f"create exclusively in {base} {at}", lambda: os.open(f"{base}new", os.O_CREAT | os.O_EXCL | os.O_RDWR, **at))
    attempt(f"mkdir in {base} {at}", lambda: os.mkdir(f"{base}new", **at))
    attempt(f"mknod in {base} {at}", lambda: os.mknod(f"{base}new", **at))
    attempt(f"mkfifo in {base} {at}", lambda: os.mkfifo(f"{base}new", **at))
    attempt(f"symlink in {base} {at}", lambda: os.symlink("x", f"{base}new", **at))
    attempt(f"unlink in {base} {at}", lambda: os.unlink(f"{base}secret", **at))
    attempt(f"rmdir in {base} {at}", lambda: os.rmdir(f"{base}folder", **at))
    for name in ("secret", "folder"):
        for move in (os.rename, os.replace):
            attempt(f"{move} {base}{name} {at}", lambda: move(f"{base}{name}", f"{base}moved", **there, **back))
            attempt(f"{move} out of {base}{name} {at}", lambda: move(f"{base}{name}", "/tmp/stolen", **there))
        attempt(f"{base}{name} {at} replaced", lambda: os.replace("/tmp/own", f"{base}{name}", **back))
    attempt(f"move into {base} {at}", lambda: os.rename("/tmp/own", f"{base}own", **back))
    for follow in ({}, {"follow_symlinks": False}):
        attempt(f"link out of {base} {at}", lambda: os.link(f"{base}secret", "/tmp/linked", **there, **follow))
        attempt(f"link into {base} {at}", lambda: os.link("/tmp/own", f"{base}new", **back, **follow))
        attempt(f"link in {base} {at}", lambda: os.link(f"{base}secret", f"{base}new", **there, **back, **follow))


def attack_folder(base):
    attack_path(f"{base}/secret")
    attack_path(f"{base}/folder")
    attack_path(base)
    attack_names(f"{base}/")


def attack_descriptor(descriptor):
    attempt(f"write by {descriptor}", lambda: os.write(descriptor, b"x"))
    attempt(f"pwrite by {descriptor}", lambda: os.pwrite(descriptor, b"x", 0))
    attempt(f"ftruncate {descriptor}", lambda: os.ftruncate(descriptor, 0))
    attempt(f"truncate {descriptor}", lambda: os.truncate(descriptor, 0))
    attempt(f"allocate {descriptor}", lambda: os.posix_fallocate(descriptor, 0, 1 << 16))
    attempt_mode(f"fchmod {descriptor}", lambda: os.fchmod(descriptor, 0o777))
    attempt_mode(f"chmod {descriptor}", lambda: os.chmod(descriptor, 0o777))
    attempt(f"fchown {descriptor}", lambda: os.fchown(descriptor, 7, 7))
    attempt(f"futimes {descriptor}", lambda: os.utime(descriptor, (1, 1)))
    attempt(f"futimes of now {descriptor}", lambda: os.utime(descriptor))
    # Emscripten 3.1.69 dies of the utime of such a path.
    for path in (f"/proc/self/fd/{descriptor}", f"/dev/fd/{descriptor}"):
        attempt(f"write {path}", lambda: write(path))
        attempt(f"truncate {path}", lambda: os.truncate(path, 0))


def make_writable(descriptor):
    """Sets the flags of an open file, which may be taken at their word."""
    import fcntl

    fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_RDWR)


def attack_by_descriptor(base):
    descriptor = os.open(f"{base}/secret", os.O_RDONLY)
    attack_descriptor(descriptor)
    quietly(lambda: make_writable(descriptor))
    attack_descriptor(descriptor)
    attempt(f"map {base}/secret", lambda: write_to_map(descriptor))
    os.close(descriptor)
    folder = os.open(base, os.O_RDONLY)
    attack_descriptor(folder)
    attack_path("secret", dir_fd=folder)
    attack_path("folder", dir_fd=folder)
    attack_path(f"../{base[1:]}/secret", dir_fd=folder)
    attack_names("", dir_fd=folder)
    os.close(folder)


def write_to_map(descriptor):
    import mmap

    # Where a map of a file that is not open for writing is refused, that is all.
    with mmap.mmap(descriptor, 0) as mapped:
        mapped[0] = ord("x")
        mapped.flush()


def attack_mounts():
    for base in MOUNTS:
        name = base[1:]
        link(base, f"/tmp/{name}")
        link(f"../{name}", f"/tmp/to-{name}")
        for way in (base, f"/tmp/..{base}", f"{base}/folder/..", f"/tmp/{name}", f"/tmp/to-{name}", f"//{name}/."):
            attack_folder(way)
        for target, path in (("secret", f"/tmp/file-{name}"), ("new", f"/tmp/dangling-{name}")):
            link(f"{base}/{target}", path)
            attempt_by(path, "write", lambda: write(path))
            attempt_by(path, "truncate", lambda: os.truncate(path, 0))
        os.chdir(base)
        attack_path("secret")
        attack_path(".")
        attack_names("")
        os.chdir("/tmp")
        attack_by_descriptor(base)
        attempt(f"move {base}", lambda: os.rename(base, "/tmp/stolen"))
        attempt(f"remove {base}", lambda: os.rmdir(base))
    # Nothing that would do harm to the library: other tests use it too.
    for path in ("/", "/Lib", "/Lib/os.py", "/tmp/../Lib/os.py"):
        attempt_mode(f"chmod {path}", lambda: os.chmod(path, os.stat(path).st_mode))
        attempt(f"utime {path}", lambda: os.utime(path))
        attempt(f"link of {path}", lambda: os.link(path, "/tmp/linked"))


def attack_the_outside():
    link(OUT, "/tmp/out")
    link("../" * 12 + OUT[1:], "/tmp/relative")
    for base in (OUT, f"/tmp/../../..{OUT}", f"//{OUT}", "/tmp/out", "/tmp/relative"):
        look_into(base)
        for name in ("secret", "folder"):
            attack_path(f"{base}/{name}")
        attack_names(f"{base}/")
    for path, name in (("/tmp/link", "secret"), ("/tmp/dangling", "new")):
        link("../" * 12 + f"{OUT}/{name}"[1:], path)
        attempt_by(path, "read", lambda: open(path).close())
        attempt_by(path, "write", lambda: write(path))
        attempt_by(path, "append to", lambda: write(path, "a"))
        attempt_by(path, "truncate", lambda: os.truncate(path, 0))
        if os.path.islink(path):
            attempt_mode(f"chmod {path}", lambda: os.chmod(path, 0o777))
        attempt_by(path, "utime", lambda: os.utime(path, (1, 1)))
        # A link to the link, where that is what is made, leads to nothing.
        quietly(lambda: os.link(path, f"{path}-linked", follow_symlinks=True))
        attempt(f"read what is linked to {path}", lambda: open(f"{path}-linked").close())


def attack_what_is_remembered():
    """A link in the place of something that the file system has seen and that is still open."""
    write("/tmp/plain")
    with open("/tmp/plain", "r+") as stream:
        os.rename("/tmp/link", "/tmp/plain")
        # What these change, if they do, is the file that was there.
        quietly(lambda: os.fchmod(stream.fileno(), 0o777))
        quietly(lambda: os.ftruncate(stream.fileno(), 0))
        quietly(lambda: os.utime(stream.fileno(), (1, 1)))
    attempt("read a link in the place of a file", lambda: open("/tmp/plain").close())
    attempt("write a link in the place of a file", lambda: write("/tmp/plain"))
    os.makedirs("/tmp/deep/folder")
    descriptor = os.open("/tmp/deep/folder", os.O_RDONLY)
    os.rename("/tmp/deep", "/tmp/elsewhere")
    os.mkdir("/tmp/deep")
    link("../" * 12 + OUT[1:], "/tmp/deep/folder")
    look_into("/tmp/deep/folder")
    attack_names("/tmp/deep/folder/")
    attempt("open below a folder", lambda: os.open("secret", os.O_RDWR, dir_fd=descriptor))
    attempt("open above a folder", lambda: os.open("../" * 12 + f"{OUT}/secret"[1:], os.O_RDWR, dir_fd=descriptor))


def attack_the_system():
    for path in ("/proc/self/environ", "/proc/1/environ", "/proc/self/fd/3", "/dev/fd/3"):
        attempt(f"read {path}", lambda: open(path).close())
    for path in ("/proc/self/cwd", "/proc/self/root", "/proc/1/root"):
        look_into(f"{path}{OUT}")
        attack_names(f"{path}{OUT}/")
    if hasattr(os, "system") and os.system(f"echo >{OUT}/new") == 0:
        print("not refused: a command of the host")
    attempt("load a library of the host", lambda: __import__("_ctypes").dlopen(f"{OUT}/secret"))


def attack_the_journal():
    quietly(lambda: os.close(JOURNAL))
    os.closerange(3, 256)
    os.closerange(JOURNAL - 3, JOURNAL + 3)
    quietly(lambda: make_writable(JOURNAL))
    descriptor = os.open("/tmp/own", os.O_RDWR)
    quietly(lambda: os.dup2(descriptor, JOURNAL))
    for again in (JOURNAL, descriptor):
        attempt("read the journal", lambda: os.read(JOURNAL, 1))
        attempt("read from the journal's beginning", lambda: os.pread(JOURNAL, 1, 0))
        attempt("seek in the journal", lambda: os.lseek(JOURNAL, 0, os.SEEK_SET))
        attempt("write to the journal without a place", lambda: os.write(JOURNAL, b"w"))
        attempt("ftruncate the journal", lambda: os.ftruncate(JOURNAL, 0))
        attempt("truncate the journal", lambda: os.truncate(JOURNAL, 0))
        attempt_mode("fchmod the journal", lambda: os.fchmod(JOURNAL, 0o777))
        attempt("copy the journal", lambda: os.dup(JOURNAL))
        quietly(lambda: os.utime(JOURNAL, (1, 1)))
        quietly(lambda: os.close(again))
    # What these write, if they do, is no file of the host.
    for path in (f"/proc/self/fd/{JOURNAL}", f"/dev/fd/{JOURNAL}"):
        quietly(lambda: write(path))


def leave_behind():
    """What the host has to cope with when it empties the scratch folder."""
    os.makedirs("/tmp/left/shut/inside")
    write("/tmp/left/shut/inside/file")
    link(OUT, "/tmp/left/out")
    link("..", "/tmp/left/up")
    quietly(lambda: write(os.fsencode("/tmp/left/\udcff\n*")))
    os.chdir("/tmp/left")
    # Deeper than a path may be long.
    name = "d" * 100
    os.mkdir(name)
    for _ in range(60):
        os.mkdir("around")
        os.rename(name, f"around/{name}")
        os.rename("around", name)
    for path in ("/tmp/left/shut/inside", "/tmp/left/shut", "/tmp"):
        quietly(lambda: os.chmod(path, 0))


def main():
    os.pwrite(JOURNAL, b"first\n", 0)
    os.chdir("/tmp")
    write("/tmp/own")
    attack_mounts()
    attack_the_outside()
    attack_what_is_remembered()
    attack_the_system()
    attack_the_journal()
    # What is not a folder is reported as such, not as a fault of the engine.
    write("/tmp/program")
    quietly(lambda: os.chmod("/tmp/program", 0o777))
    attempt("create in a file", lambda: write("/tmp/program/new"))
    os.pwrite(JOURNAL, b"last\n", 0)
    print("end", flush=True)
    leave_behind()


main()
