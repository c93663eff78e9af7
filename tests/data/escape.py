"""Tries every way out of its file system that a guest has. Runs inside the built interpreter only.

`escape.py FOLDER`: a folder of the host that is not mounted, with a file `secret` in it. Prints a line for each attempt
that was not refused, and `end` in the end. /tmp is the scratch folder.
"""

import os
import sys

OUT = sys.argv[1]
SECRET = f"{OUT}/secret"


def attempt(name, call):
    try:
        call()
    except (OSError, NotImplementedError, AttributeError, ImportError):
        return
    print("not refused:", name)


def read(path):
    with open(path) as stream:
        return stream.read()


def write(path, mode="w"):
    with open(path, mode) as stream:
        stream.write("written by the guest")


def look_into(base):
    attempt(f"stat {base}", lambda: os.stat(base))
    attempt(f"list {base}", lambda: os.listdir(base))
    attempt(f"enter {base}", lambda: os.chdir(base))
    attempt(f"read in {base}", lambda: read(f"{base}/secret"))


def attack_folder(base):
    attempt(f"write in {base}", lambda: write(f"{base}/secret"))
    attempt(f"append in {base}", lambda: write(f"{base}/secret", "a"))
    attempt(f"create in {base}", lambda: write(f"{base}/new"))
    attempt(f"make a folder in {base}", lambda: os.mkdir(f"{base}/folder"))
    attempt(f"unlink in {base}", lambda: os.unlink(f"{base}/secret"))
    attempt(f"move out of {base}", lambda: os.rename(f"{base}/secret", "/tmp/stolen"))
    attempt(f"move into {base}", lambda: os.rename("/tmp/own", f"{base}/own"))
    attempt(f"chmod in {base}", lambda: os.chmod(f"{base}/secret", 0o777))
    attempt(f"truncate in {base}", lambda: os.truncate(f"{base}/secret", 0))
    attempt(f"utime in {base}", lambda: os.utime(f"{base}/secret", (1, 1)))


def attack_file(path):
    for mode in ("w", "a", "r+", "x"):
        attempt(f"open {path} for {mode}", lambda: write(path, mode))
    attempt(f"open the link {path}", lambda: os.open(path, os.O_RDWR | os.O_NOFOLLOW))
    attempt(f"truncate {path}", lambda: os.truncate(path, 0))
    for follow in (True, False):
        attempt(f"chmod {path}", lambda: os.chmod(path, 0o777, follow_symlinks=follow))
        attempt(f"utime {path}", lambda: os.utime(path, (1, 1), follow_symlinks=follow))
        attempt(f"chown {path}", lambda: os.chown(path, 0, 0, follow_symlinks=follow))


def attack_what_is_remembered():
    """A link in the place of something that the file system has seen and that is still open."""
    write("/tmp/plain")
    with open("/tmp/plain", "r+") as stream:
        os.rename("/tmp/link", "/tmp/plain")
        attempt("fchmod", lambda: os.fchmod(stream.fileno(), 0o777))
        attempt("ftruncate", lambda: os.ftruncate(stream.fileno(), 0))
        attempt("futime", lambda: os.utime(stream.fileno(), (1, 1)))
    attempt("read a link in the place of a file", lambda: read("/tmp/plain"))
    attack_file("/tmp/plain")
    os.makedirs("/tmp/deep/folder")
    descriptor = os.open("/tmp/deep/folder", os.O_RDONLY)
    os.rename("/tmp/deep", "/tmp/elsewhere")
    os.mkdir("/tmp/deep")
    os.symlink(OUT, "/tmp/deep/folder")
    look_into("/tmp/deep/folder")
    attack_folder("/tmp/deep/folder")
    attempt("open below a folder", lambda: os.open("secret", os.O_RDWR, dir_fd=descriptor))
    attempt("open above a folder", lambda: os.open("../" * 12 + SECRET[1:], os.O_RDWR, dir_fd=descriptor))


def attack_the_system():
    for path in ("/proc/self/environ", "/proc/1/environ", "/proc/self/fd/3", "/dev/fd/3"):
        attempt(f"read {path}", lambda: read(path))
    for path in ("/proc/self/cwd", "/proc/self/root", "/proc/1/root"):
        look_into(f"{path}{OUT}")
        attack_folder(f"{path}{OUT}")
    if os.system(f"echo >{OUT}/new") == 0:
        print("not refused: a command of the host")
    attempt("load a library of the host", lambda: __import__("_ctypes").dlopen(SECRET))


def attack_what_is_not_writable():
    """The script's own folder: its permissions allow everything, its mount does not."""
    attack_folder("/given")
    attack_file("/given/secret")
    attempt("link in /given", lambda: os.symlink("x", "/given/link"))
    with open("/given/secret") as stream:
        attempt("fchmod in /given", lambda: os.fchmod(stream.fileno(), 0o777))
        attempt("ftruncate in /given", lambda: os.ftruncate(stream.fileno(), 0))
        attempt("futime in /given", lambda: os.utime(stream.fileno(), (1, 1)))
    attempt("move /given", lambda: os.rename("/given", "/tmp/stolen"))
    # Nothing that would do harm to the library: other tests use it too.
    for path in ("/", "/Lib"):
        mode = os.stat(path).st_mode
        attempt(f"chmod {path}", lambda: os.chmod(path, mode))


def main():
    write("/tmp/own")
    os.symlink(OUT, "/tmp/folder")
    os.symlink("../" * 12 + OUT[1:], "/tmp/relative")
    os.symlink(SECRET, "/tmp/link")
    os.symlink(f"{OUT}/new", "/tmp/dangling")
    for base in (OUT, f"/tmp/../../..{OUT}", f"//{OUT}", "/tmp/folder", "/tmp/relative"):
        look_into(base)
        attack_folder(base)
    for path in ("/tmp/link", "/tmp/dangling"):
        attempt(f"read {path}", lambda: read(path))
        attack_file(path)
    attack_what_is_remembered()
    attack_the_system()
    attack_what_is_not_writable()
    # What is no folder is told as such, not as a fault of the engine.
    write("/tmp/program")
    os.chmod("/tmp/program", 0o777)
    attempt("create in a file", lambda: write("/tmp/program/new"))
    print("end")


main()
