# SPDX-License-Identifier: Apache-2.0
# Clients of hookd's HTTP socket that are slow, many, or send what no client would send.
# usage: hostile.py SOCKET PID
# Prints TAP lines without numbers; test_http.sh numbers them.
import os
import signal
import socket
import sys
import time

path, pid = sys.argv[1], sys.argv[2]
DEADLINE_S = 60
GET = b"GET /metrics HTTP/1.1\r\nHost: hookd\r\n\r\n"


def connect():
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(DEADLINE_S)
    client.connect(path)
    return client


def read_all(client):
    data = b""
    while True:
        try:
            part = client.recv(65536)
        except ConnectionResetError:
            return data
        if not part:
            return data
        data += part


# hookd may have closed the connection by now: it answers what it has read so far, and has a limit.
def send(client, data):
    try:
        client.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass


def read_some(client):
    try:
        client.recv(10)
    except ConnectionResetError:
        pass


def is_whole(reply):
    return b"\r\n\r\n" in reply and b"\nprocess_max_fds " in reply


def ask(request):
    client = connect()
    send(client, request)
    return read_all(client)


def status(reply):
    return reply.split(b"\r\n")[0].split(b" ")[1].decode() if reply.startswith(b"HTTP/") else "none"


def tell(name, passed, got=""):
    print(("ok " if passed else "not_ok ") + name + ("" if passed else f": {got}"))


def descriptors():
    return len(os.listdir(f"/proc/{pid}/fd"))


def until(condition):
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


before = descriptors()

reply = ask(GET)
tell("a request over the socket", status(reply) == "200", reply[:100])
reply = ask(b"GET /metrics HTTP/1.0\r\n\r\n")
tell("HTTP/1.0", status(reply) == "200" and reply.count(b"\nprocess_max_fds ") == 1, reply[:100])
reply = ask(b"GET /metrics HTTP/1.1\r\nHost: hookd\r\nConnection: keep-alive\r\n\r\n")
tell("a connection is closed after its answer", b"Connection: close" in reply, reply[:300])
reply = ask(GET * 3)
tell("requests in one piece get one answer", reply.count(b"HTTP/1.1 200") == 1, reply[:100])
reply = ask(b"HEAD /metrics HTTP/1.1\r\nHost: hookd\r\n\r\n")
tell("HEAD has the length and no text", status(reply) == "200" and reply.endswith(b"\r\n\r\n")
     and int(reply.split(b"Content-Length: ")[1].split(b"\r\n")[0]) > 1000, reply[:300])
reply = ask(b"POST /metrics HTTP/1.1\r\nHost: hookd\r\nContent-Length: 2\r\n\r\nab")
tell("POST", status(reply) == "405" and b"Allow: GET, HEAD" in reply, reply[:300])
reply = ask(b"POST /metrics HTTP/1.1\r\nHost: hookd\r\nContent-Length: 99999999\r\n\r\n" + b"a" * 99999)
tell("a long body", status(reply) in ("413", "none"), reply[:300])
reply = ask(b"POST /metrics HTTP/1.1\r\nHost: hookd\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"ffff\r\n" + b"a" * 0xffff + b"\r\n0\r\n\r\n")
tell("a long body in chunks", status(reply) in ("413", "400", "none"), reply[:300])
for method in (b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"PATCH"):
    reply = ask(method + b" /metrics HTTP/1.1\r\nHost: hookd\r\n\r\n")
    tell(method.decode(), status(reply) == "405", reply[:100])
reply = ask(b"GET /metrics HTTP/1.1\r\nHost: hookd\r\nX: " + b"a" * 20000 + b"\r\n\r\n")
tell("a huge header", status(reply) in ("400", "413", "none"), reply[:100])
reply = ask(b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n")
tell("a huge path", status(reply) in ("400", "413", "414", "none"), reply[:100])
for target in (b"/", b"/metrics/", b"/metric", b"/..%2fmetrics", b"//metrics", b"*", b"http://x/"):
    reply = ask(b"GET " + target + b" HTTP/1.1\r\nHost: hookd\r\n\r\n")
    tell("no text for " + target.decode(), status(reply) in ("400", "404", "none"), reply[:100])
for junk in (b"\0" * 500, b"\r\n" * 500, b"GET\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n",
             b"{\"method\":\"io.hookd.status.GetStatus\"}\0", bytes(range(256)) * 8):
    client = connect()
    send(client, junk)
    client.shutdown(socket.SHUT_WR)
    reply = read_all(client)
    tell(f"junk gets no metrics: {junk[:12]!r}", b"hookd_" not in reply or b"HTTP/9.9" in junk, reply[:100])

# Others ask in a loop, 16 at once and without reading the answers, while one client reads its own.
others = []
for _ in range(2):
    if (other := os.fork()) == 0:
        while True:
            clients = [connect() for _ in range(16)]
            for client in clients:
                send(client, GET)
            for client in clients:
                read_some(client)
                client.close()
    others.append(other)
began = time.monotonic()
replies = [ask(GET) for _ in range(40)]
seconds = int(time.monotonic() - began)
for other in others:
    os.kill(other, signal.SIGKILL)
    os.waitpid(other, 0)
statuses = [status(reply) for reply in replies]
tell("a loop of requests keeps nobody from an answer", statuses == ["200"] * 40, statuses)
tell("that is whole", all(is_whole(reply) for reply in replies))
texts = len({reply.split(b"\r\n\r\n")[1] for reply in replies})
tell("and made once a second", texts <= seconds + 2, f"{texts} in {seconds} s")

idle = [connect() for _ in range(100)]
for client in idle[::2]:
    send(client, b"GET /metr")
reply = ask(GET)
tell("100 idle connections keep nobody from an answer", status(reply) == "200", reply[:100])
tell("and are limited", until(lambda: descriptors() <= before + 72), descriptors())
for client in idle:
    client.close()

# Does not read: hookd keeps the answer for a while, and then drops the connection.
lazy = [connect() for _ in range(20)]
for client in lazy:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    send(client, GET)
tell("clients that do not read are cut off", until(lambda: descriptors() <= before + 1), descriptors())

# A byte at a time: no timeout of a single read would end it.
slow = connect()
slow.sendall(b"GET /metrics HTTP/1.1\r\n")
end = time.monotonic() + DEADLINE_S
is_closed = False
while not is_closed and time.monotonic() < end:
    try:
        slow.sendall(b"x")
    except (BrokenPipeError, ConnectionResetError):
        is_closed = True
    time.sleep(0.1)
tell("headers a byte at a time are cut off", is_closed)
tell("no descriptor is left open", until(lambda: descriptors() <= before), f"{before}, {descriptors()}")
