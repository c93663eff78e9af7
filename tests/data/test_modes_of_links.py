"""The mode of a link, where chmod() of a link follows it: NODEFS before Emscripten 4.0.0."""

import os
import unittest


class T(unittest.TestCase):
    def link_to(self, target):
        link = os.path.join("/tmp", self.id())
        os.symlink(target, link)
        return link

    def test_of_a_file_is_that_of_the_file(self):
        with open("/tmp/file", "w"):
            os.chmod("/tmp/file", 0o600)
        os.chmod(self.link_to("/tmp/file"), 0o640, follow_symlinks=False)
        self.assertEqual(os.stat("/tmp/file").st_mode & 0o777, 0o640)
        self.assertTrue(os.path.isfile("/tmp/file"))
        self.assertFalse(os.path.islink("/tmp/file"))

    def test_of_nothing_is_enoent(self):
        with self.assertRaises(FileNotFoundError):
            os.chmod(self.link_to("/tmp/nothing"), 0o640, follow_symlinks=False)

    def test_of_the_library_stays(self):
        before = os.stat(os.__file__).st_mode
        with self.assertRaises(OSError):
            os.chmod(self.link_to(os.__file__), 0o777, follow_symlinks=False)
        self.assertEqual(os.stat(os.__file__).st_mode, before)
