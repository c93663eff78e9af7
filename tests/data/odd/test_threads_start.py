import threading
import unittest


class T(unittest.TestCase):
    def test_a(self):
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()

    def test_b(self):
        pass
