"""Sockets, names, select, and what stands on them."""

import os
import socket
import sys

from observed import NoEffect, NotApplicable, ask_host, attempt, new_file, prepares

LOCALHOST = "127.0.0.1"


def _listening_socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.bind((LOCALHOST, 0))
    made.listen(1)
    return made


def tcp_exchange() -> None:
    """A client and a server in one thread: the kernel completes the connection before it is accepted."""
    server = _listening_socket()
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.connect(server.getsockname())
    accepted, _ = server.accept()
    accepted.sendall(b"hello")
    accepted.close()
    if client.recv(100) != b"hello":
        raise NoEffect("what was sent did not arrive")


def bind_and_listen() -> None:
    _listening_socket()


def connect() -> None:
    """Nobody listens on a port that was just given back, so a connection is refused."""
    server = _listening_socket()
    address = server.getsockname()
    server.close()
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        client.connect(address)
    except ConnectionRefusedError:
        return
    raise NoEffect("a connection to nobody succeeded")


# Linux's numbers, which both C libraries share: 1 is AF_UNIX, 2 AF_INET, 10 AF_INET6.
OTHER_FAMILIES = [number for number in range(3, 46) if number != 10]
KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM, 3, 5)  # SOCK_RAW, SOCK_SEQPACKET
SO_DOMAIN = 39


def other_families() -> None:
    """Tries every family but the Internet's and AF_UNIX. It works when one of the sockets that can be made
    reports the family that it was made for.
    """
    if sys.platform not in ("linux", "emscripten", "wasi"):
        raise NotApplicable("the numbers are those of Linux")
    failures, nameless = [], 0
    for family in OTHER_FAMILIES:
        for kind in KINDS:
            try:
                made = socket.socket(family, kind)
            except OSError as error:
                failures.append(error)
                continue
            with made:
                if _says(made, SO_DOMAIN) == family:
                    return
            nameless += 1
    if nameless:
        raise NoEffect(f"{nameless} sockets of other families are made, and none says that it is of its family")
    raise failures[-1]


def raw_socket() -> None:
    """Neither TCP nor UDP; Linux has it for root alone, and says so."""
    try:
        made = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    except PermissionError:
        return
    if _says(made, socket.SO_TYPE) != socket.SOCK_RAW:
        raise NoEffect("the socket does not say that it is a raw one")


def _says(made: socket.socket, option: int) -> int | None:
    """What the socket is; None when it does not know the question."""
    try:
        return made.getsockopt(socket.SOL_SOCKET, option)
    except OSError:
        return None


def unix_socket() -> None:
    os.chdir(os.path.dirname(new_file("other")))
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind("unix-socket")
    client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    client.sendto(b"hello", "unix-socket")
    if server.recv(100) != b"hello":
        raise NoEffect("what was sent did not arrive")


def socketpair() -> None:
    one, other = socket.socketpair()
    one.send(b"hello")
    if other.recv(100) != b"hello":
        raise NoEffect("what was sent did not arrive")


def blocking_receive() -> None:
    """A blocking socket waits for what the host sends a moment later."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind((LOCALHOST, 0))
    ask_host("datagram", receiver.getsockname()[1])
    if receiver.recv(100) != b"hello":
        raise NoEffect("what was sent did not arrive")


def blocking_accept() -> None:
    """A blocking socket waits for a connection, which the host makes a moment later."""
    server = _listening_socket()
    ask_host("connect", server.getsockname()[1])
    accepted, _ = server.accept()
    if accepted.recv(100) != b"hello":
        raise NoEffect("what was sent did not arrive")


@prepares
def accept() -> None:
    """A non-blocking accept() with nobody there says so."""
    server = _listening_socket()
    server.setblocking(False)
    attempt()
    try:
        server.accept()
    except BlockingIOError:
        return
    raise NoEffect("accept() gave a connection that nobody made")


def gethostbyname() -> None:
    if socket.gethostbyname("localhost") != LOCALHOST:
        raise NoEffect(f"localhost is {socket.gethostbyname('localhost')}")


def getaddrinfo() -> None:
    found = socket.getaddrinfo("localhost", 80, socket.AF_INET, socket.SOCK_STREAM)
    if found[0][4] != (LOCALHOST, 80):
        raise NoEffect(f"localhost is {found[0][4]}")


def gethostname() -> None:
    if not socket.gethostname():
        raise NoEffect("the name is empty")


def ipv6() -> None:
    if sys.platform == "linux" and not os.path.exists("/proc/net/if_inet6"):
        raise NotApplicable("this machine has no IPv6")
    receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    receiver.bind(("::1", 0))
    receiver.sendto(b"hello", receiver.getsockname())
    receiver.settimeout(2)
    if receiver.recv(100) != b"hello":
        raise NoEffect("what was sent did not arrive")


def select_socket() -> None:
    import select

    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    _, writable, _ = select.select([], [made], [], 0)
    if writable != [made]:
        raise NoEffect("a socket that can send is not writable")


def select_exceptional() -> None:
    """The third set, of exceptional conditions, which Emscripten has no descriptors for."""
    import select

    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if select.select([], [], [made], 0) != ([], [], []):
        raise NoEffect("a quiet socket has an exceptional condition")


def select_file() -> None:
    """POSIX: a regular file is always ready."""
    import select

    with open(new_file("regular"), "rb") as stream:
        if select.select([stream], [], [], 1)[0] != [stream]:
            raise NoEffect("a regular file is not readable")


def selectors_with_a_socket() -> None:
    import selectors

    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with selectors.DefaultSelector() as selector:
        selector.register(made, selectors.EVENT_WRITE)
        if not selector.select(0):
            raise NoEffect("a socket that can send is not writable")


def asyncio_run() -> None:
    import asyncio

    async def one() -> int:
        await asyncio.sleep(0)
        return 1

    if asyncio.run(one()) != 1:
        raise NoEffect("the result is lost")


def urllib_request() -> None:
    """Nobody listens on the port, so the connection is refused."""
    import urllib.error
    import urllib.request

    server = _listening_socket()
    _, port = server.getsockname()
    server.close()
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{LOCALHOST}:{port}/")
    except urllib.error.URLError as error:
        if isinstance(error.reason, ConnectionRefusedError):
            return
        raise error.reason from None
    raise NoEffect("nobody answered, and that was no error")


def http_client() -> None:
    import http.client

    server = _listening_socket()
    _, port = server.getsockname()
    server.close()
    try:
        http.client.HTTPConnection(LOCALHOST, port).request("GET", "/")
    except ConnectionRefusedError:
        return
    raise NoEffect("nobody answered, and that was no error")


def http_server() -> None:
    import http.server

    http.server.HTTPServer((LOCALHOST, 0), http.server.BaseHTTPRequestHandler).server_close()


def socketserver_tcp() -> None:
    import socketserver

    socketserver.TCPServer((LOCALHOST, 0), socketserver.BaseRequestHandler).server_close()


def xmlrpc_client() -> None:
    import xmlrpc.client

    server = _listening_socket()
    _, port = server.getsockname()
    server.close()
    try:
        xmlrpc.client.ServerProxy(f"http://{LOCALHOST}:{port}/").method()
    except ConnectionRefusedError:
        return
    raise NoEffect("nobody answered, and that was no error")


def xmlrpc_server() -> None:
    import xmlrpc.server

    xmlrpc.server.SimpleXMLRPCServer((LOCALHOST, 0)).server_close()


def mail_and_ftp_clients() -> None:
    """Each one is refused by a port where nobody listens."""
    import ftplib
    import imaplib
    import poplib
    import smtplib

    server = _listening_socket()
    _, port = server.getsockname()
    server.close()
    for client in (
        lambda: ftplib.FTP().connect(LOCALHOST, port),
        lambda: imaplib.IMAP4(LOCALHOST, port),
        lambda: poplib.POP3(LOCALHOST, port),
        lambda: smtplib.SMTP(LOCALHOST, port),
    ):
        try:
            client()
        except ConnectionRefusedError:
            continue
        raise NoEffect("nobody answered, and that was no error")


def selectors_with_a_file() -> None:
    """POSIX: a regular file is always ready."""
    import selectors

    with selectors.SelectSelector() as selector, open(new_file("selected"), "rb") as stream:
        selector.register(stream, selectors.EVENT_READ)
        if not selector.select(1):
            raise NoEffect("a regular file is not readable")


def getservbyname() -> None:
    """Without a list of services on this machine the call still says so."""
    try:
        if socket.getservbyname("http") != 80:
            raise NoEffect(f"http is at {socket.getservbyname('http')}")
    except OSError:
        if os.path.exists("/etc/services"):
            raise


def getprotobyname() -> None:
    try:
        if socket.getprotobyname("tcp") != socket.IPPROTO_TCP:
            raise NoEffect(f"tcp is {socket.getprotobyname('tcp')}")
    except OSError:
        if os.path.exists("/etc/protocols"):
            raise


def if_nameindex() -> None:
    if not socket.if_nameindex():
        raise NoEffect("there is no interface")


def setsockopt_exists() -> None:
    """Where no socket can be made, all there is to see is whether sockets would have the method."""
    assert socket.socket.setsockopt


def getsockopt_exists() -> None:
    assert socket.socket.getsockopt


def sendmsg_exists() -> None:
    assert socket.socket.sendmsg


def shutdown_exists() -> None:
    assert socket.socket.shutdown
