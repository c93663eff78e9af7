# Importing the module raises an exception whose name does not say that it is one, and has no text.


class Odd(BaseException):
    def __str__(self):
        raise SystemExit("no text")


raise Odd
