"""Floods of HTTP/2 frames, written by hand: a client library would not send them."""
import socket
import ssl
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
(DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION) = (0, 1, 3, 4, 6, 7, 8, 9)
# :method GET, :scheme https, :path /, :authority a (RFC 7541, appendix A)
GET = b"\x82\x87\x84\x41\x01a"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def connect(port):
    context = ssl.create_default_context()
    (context.check_hostname, context.verify_mode) = (False, ssl.CERT_NONE)
    context.set_alpn_protocols(["h2"])
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10))
    assert connection.selected_alpn_protocol() == "h2"
    connection.sendall(PREFACE + frame(SETTINGS, 0, 0))
    return connection


def resets():
    for stream in range(1, 40_001, 2): yield frame(HEADERS, 5, stream, GET) + frame(RST, 0, stream, struct.pack(">I", 8))

def pings():
    for _ in range(50_000): yield frame(PING, 0, 0, b"12345678")

def settings():
    for _ in range(50_000): yield frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65_535))

def empty_data():
    yield frame(HEADERS, 4, 1, b"\x83\x87\x84\x41\x01a")
    for _ in range(50_000): yield frame(DATA, 0, 1)

def continuations():
    yield frame(HEADERS, 1, 1, GET)
    for _ in range(20_000): yield frame(CONTINUATION, 0, 1, b"\x40\x01a\x01b")

def headers():
    yield frame(HEADERS, 1, 1, GET)
    for _ in range(20): yield frame(CONTINUATION, 0, 1, (b"\x40\x01a\x7f\x81\x1e" + b"b" * 4000) * 4)

def compressed():
    # One entry of 4,000 bytes, then 12,000 references of a byte each to it: 48 MB in a frame of 16 KiB.
    bomb = GET + b"\x40\x01a\x7f\xa1\x1e" + b"b" * 4_000 + b"\xbe" * 12_000
    for stream in range(1, 201, 2): yield frame(HEADERS, 5, stream, bomb)

def updates():
    for _ in range(100_000): yield frame(WINDOW, 0, 0, struct.pack(">I", 1))


def flood(port, frames):
    """Sends until the server has had enough. Returns whether it had, and what was sent."""
    connection = connect(port)
    connection.settimeout(15)
    (sent, begin) = (0, time.monotonic())
    try:
        batch = b""
        for piece in frames():
            (batch, sent) = (batch + piece, sent + 1)
            if len(batch) > 8_000:
                connection.sendall(batch)
                batch = b""
        connection.sendall(batch)
        while connection.recv(65_536): pass
        ended = True
    except (ConnectionError, ssl.SSLError, BrokenPipeError): ended = True
    except (TimeoutError, socket.timeout): ended = False
    finally: connection.close()
    return (ended, sent, time.monotonic() - begin)


def is_served(port):
    """Whether another client is served, within a second."""
    begin = time.monotonic()
    connection = connect(port)
    connection.settimeout(5)
    connection.sendall(frame(HEADERS, 5, 1, GET))
    data = b""
    while b"waybill" not in data:
        piece = connection.recv(65_536)
        if not piece: return False
        data += piece
    connection.close()
    return time.monotonic() - begin < 1


def goodbye(port, stop):
    """Whether a client whose connection is open is told to go (RFC 9113, 6.8) when the server is being stopped, without an error."""
    connection = connect(port)
    connection.settimeout(20)
    connection.sendall(frame(HEADERS, 5, 1, GET))
    (data, is_stopped, farewells) = (b"", False, [])
    try:
        while piece := connection.recv(65_536):
            data += piece
            if not is_stopped and b"waybill" in data:
                is_stopped = True
                stop()
            while len(data) >= 9 and len(data) >= 9 + int.from_bytes(data[:3], "big"):
                (length, kind, flags) = (int.from_bytes(data[:3], "big"), data[3], data[4])
                if kind == GOAWAY: farewells.append(int.from_bytes(data[13:17], "big"))
                # A ping shows that the farewell has been heard.
                if kind == PING and not flags & 1: connection.sendall(frame(PING, 1, 0, data[9:17]))
                data = data[9 + length:]
    except (OSError, ssl.SSLError): pass
    return (bool(farewells) and set(farewells) == {0}, f"farewells with the errors {farewells}")


def attacks(port):
    """Each kind of flood ends with the connection, or costs nothing, and others are served meanwhile and afterwards."""
    for (name, frames, must_end) in [
        ("rapid resets (CVE-2023-44487)", resets, True), ("pings (CVE-2019-9512)", pings, True), ("settings (CVE-2019-9515)", settings, True),
        ("empty data (CVE-2019-9518)", empty_data, True), ("continuations (CVE-2024-27316)", continuations, True), ("endless headers", headers, True),
        ("bombs of compressed headers (CVE-2016-6581)", compressed, True),
        ("window updates", updates, False),
    ]:
        (ended, sent, seconds) = flood(port, frames)
        served = is_served(port)
        text = f"{'closed' if ended else 'left open'} after at most {sent} frames and {seconds:.1f} s; another client is {'served' if served else 'NOT served'}"
        yield (name, served and (ended or not must_end), text)
