# load_tests() raises: unittest calls it an error of loading.


def load_tests(loader, tests, pattern):
    raise ValueError("on purpose")
