# Cases set the times of the library, by path and by descriptor, link to it, and change its modes and names.

import os
import unittest

FILE = os.__file__
FOLDER = os.path.dirname(FILE)


class T(unittest.TestCase):
    def assert_kept(self, path, call):
        """The call is refused, or does nothing."""
        before = os.stat(path)
        with self.subTest(path=path):
            try:
                call()
            except (OSError, NotImplementedError, AttributeError):
                pass
            after = os.stat(path)
            for name in ("st_mode", "st_nlink", "st_size", "st_mtime_ns", "st_ino"):
                self.assertEqual(getattr(before, name), getattr(after, name), name)

    def test_times(self):
        for path in (FILE, FOLDER, "/", os.path.join(FOLDER, "..", os.path.relpath(FILE, os.path.dirname(FOLDER)))):
            with self.subTest(path=path), self.assertRaises(OSError):
                os.utime(path, (1, 1))
            self.assert_kept(path, lambda: os.utime(path))
            self.assert_kept(path, lambda: os.utime(path, (1, 1), follow_symlinks=False))

    def test_times_by_descriptor(self):
        for path in (FILE, FOLDER):
            descriptor = os.open(path, os.O_RDONLY)
            self.addCleanup(os.close, descriptor)
            with self.subTest(path=path), self.assertRaises(OSError):
                os.utime(descriptor, (1, 1))

    def test_times_below_a_descriptor(self):
        descriptor = os.open(FOLDER, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        with self.assertRaises(OSError):
            os.utime(os.path.basename(FILE), (1, 1), dir_fd=descriptor)

    def test_times_through_a_link(self):
        link = os.path.abspath("link")
        try:
            os.symlink(FILE, link)
        except OSError:
            return  # where a link cannot lead out of the scratch folder
        self.addCleanup(os.unlink, link)
        self.assert_kept(FILE, lambda: os.utime(link, (1, 1)))

    def test_a_file_that_is_not_there_is_not_there(self):
        with self.assertRaises(FileNotFoundError):
            os.utime(os.path.join(FOLDER, "no_such_file.py"))

    def test_links(self):
        self.assert_kept(FILE, lambda: os.link(FILE, "linked"))

    def test_modes(self):
        self.assert_kept(FILE, lambda: os.chmod(FILE, 0o777))
        self.assert_kept(FOLDER, lambda: os.chmod(FOLDER, 0o777))

    def test_contents(self):
        self.assert_kept(FILE, lambda: os.truncate(FILE, 0))
        self.assert_kept(FILE, lambda: open(FILE, "ab").close())
        descriptor = os.open(FILE, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        self.assert_kept(FILE, lambda: os.ftruncate(descriptor, 0))

    def test_names(self):
        self.assert_kept(FILE, lambda: os.rename(FILE, FILE + ".moved"))
        self.assert_kept(FILE, lambda: os.unlink(FILE))
        self.assert_kept(FOLDER, lambda: os.mkdir(os.path.join(FOLDER, "new")))

    def test_times_of_the_own_files(self):
        with open("own", "w"):
            os.utime("own", (1, 1))
        self.addCleanup(os.unlink, "own")
        self.assertEqual(os.stat("own").st_mtime, 1)
