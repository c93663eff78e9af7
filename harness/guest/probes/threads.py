"""Threads, and what needs them."""

from observed import NoEffect, descriptors_of_the_process


def start() -> None:
    import threading

    seen = []
    thread = threading.Thread(target=seen.append, args=(1,))
    thread.start()
    thread.join()
    if seen != [1]:
        raise NoEffect("the thread did nothing")


def thread_pool() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        if pool.submit(len, "abc").result(timeout=10) != 3:
            raise NoEffect("the result is lost")


def process_pool() -> None:
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(1) as pool:
        if pool.submit(len, "abc").result(timeout=10) != 3:
            raise NoEffect("the result is lost")


def shared_memory_of_the_runtime() -> None:
    """What the interpreter says of the memory it was given; without threads it is nobody's to share."""
    import sys

    if sys.platform == "emscripten" and not sys._emscripten_info.shared_memory:
        raise NoEffect("the runtime's memory is not shared")
    start()


def worker_descriptors() -> None:
    """A thread needs no descriptor; where it is a worker of Node it has its own."""
    import threading

    count = 4
    before = descriptors_of_the_process()
    release = threading.Event()
    threads = [threading.Thread(target=release.wait) for _ in range(count)]
    for thread in threads:
        thread.start()
    taken = descriptors_of_the_process() - before
    release.set()
    for thread in threads:
        thread.join()
    if taken >= count:
        raise NoEffect(f"{count} threads hold {taken} descriptors of the process")
