"""A module of the suite that does everything a test should not. Runs inside the built interpreter only."""

import os
import unittest


class Faults(unittest.TestCase):
    def test_0_passes(self):
        pass

    def test_1_aborts(self):
        os.abort()

    def test_2_exits(self):
        os._exit(7)

    def test_3_loops(self):
        while True:
            pass

    def test_5_asks_for_all_memory(self):
        with self.assertRaises(MemoryError):
            bytearray((1 << 31) - 64)

    def test_6_prints_without_measure(self):
        os.write(1, b"x" * (1 << 22))

    def test_7_closes_every_file(self):
        # All but the standard streams and the mounted folders, which are descriptors too in WASI.
        os.closerange(8, 256)

    def test_8_is_interrupted(self):
        raise KeyboardInterrupt

    def test_9_passes(self):
        pass


class Subtests(unittest.TestCase):
    def test_some_fail(self):
        for number in range(4):
            with self.subTest(number=number):
                self.assertNotEqual(number, 2)


@unittest.skip("the whole class")
class Skipped(unittest.TestCase):
    def test_a(self):
        pass


class BrokenFixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise OSError(44, "no such thing")

    def test_a(self):
        pass

    def test_b(self):
        pass


class CrashingFixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.abort()

    def test_a(self):
        pass


class Isolation(unittest.TestCase):
    """What the guest can reach besides its scratch folder."""

    def test_the_library_cannot_be_written(self):
        for path in ("/Lib/os.py", "/Lib/new.py", "/new", "/harness/agent.py", "/harness/new"):
            with self.subTest(path=path), self.assertRaises(OSError):
                open(path, "ab").close()
        with self.assertRaises(OSError):
            os.unlink("/Lib/os.py")
        with self.assertRaises(OSError):
            os.rename("/Lib/os.py", "/Lib/so.py")

    def test_a_file_that_is_not_there_is_not_there(self):
        with self.assertRaises(FileNotFoundError):
            os.unlink("/Lib/no_such_file.py")

    def test_the_host_is_out_of_reach(self):
        for path in ("/etc/passwd", "/tmp/../etc/passwd", "/../etc/passwd", "/proc/self/status", "/usr"):
            with self.subTest(path=path), self.assertRaises(OSError):
                os.stat(path)

    def test_a_link_does_not_lead_out(self):
        os.symlink("../../../../../../../../etc/passwd", "/tmp/link")
        with self.assertRaises(OSError):
            open("/tmp/link").close()
        os.unlink("/tmp/link")

    def test_the_scratch_folder_is_empty_and_writable(self):
        self.assertEqual([name for name in os.listdir("/tmp") if not name.startswith("test_python")], [])
        with open("/tmp/mine", "w") as stream:
            stream.write("x")

    def test_the_scratch_folder_is_empty_and_writable_again(self):
        os.unlink("/tmp/mine")


if __name__ == "__main__":
    unittest.main()
