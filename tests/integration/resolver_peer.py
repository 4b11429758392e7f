"""The other ends of resolver.sh: name servers to forward to, and clients that dig cannot play.

resolver_peer.py serve ADDR N       a server over UDP and TCP; what it does is in the name asked for
resolver_peer.py burst NAME COUNT   queries without a pause; prints how many were answered
resolver_peer.py forwarded COUNT    the same with names that are forwarded, no two alike
resolver_peer.py hanging NAME COUNT  queries that no server answers, then NAME: its address, whether it came
                                    first, and how many of the others failed in the end
resolver_peer.py garbage            packets that are no queries, and some that nearly are
resolver_peer.py pipeline NAME...   several queries at once on one connection; prints their answers
resolver_peer.py connections COUNT  idle connections beside one that asks; prints its answer
resolver_peer.py idle               seconds until an idle connection is closed
resolver_peer.py bind               port 53 of every address, UDP and TCP, is free to take
"""
import os
import random
import select
import socket
import struct
import sys
import threading
import time

SERVER = ("127.0.0.11", 53)


def encode(name):
    return b"".join(bytes([len(p)]) + p.encode() for p in name.split(".") if p) + b"\0"


def query(name, kind=1, id=None):
    id = random.randrange(65536) if id is None else id
    return struct.pack(">HHHHHH", id, 0x0100, 1, 0, 0, 0) + encode(name) + struct.pack(">HH", kind, 1)


def question(packet):
    """The name, and where the question ends."""
    at, labels = 12, []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin1"))
        at += packet[at] + 1
    return ".".join(labels).lower(), at + 5


def records(packet):
    """How many records, the code, and the IPv4 addresses of an answer of ours."""
    n = struct.unpack(">H", packet[6:8])[0]
    at, out = question(packet)[1], []
    for _ in range(n):
        kind, size = struct.unpack(">H", packet[at + 2:at + 4])[0], packet[at + 11]
        if kind == 1:
            out.append(socket.inet_ntoa(packet[at + 12:at + 16]))
        at += 12 + size
    return n, packet[3] & 15, out


def reply(packet, n, tcp):
    """What server n answers: a list of packets."""
    name, end = question(packet)
    head = name.split(".")[0]

    def answer(count=1, rcode=0, flags=0x8180, last=n, id=packet[:2], asked=packet[12:end]):
        body = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([192, 0, 2 + i // 250, last + i % 250])
                        for i in range(count))
        return id + struct.pack(">HHHHH", flags | rcode, 1, count, 0, 0) + asked + body

    if head in ("drop", "drop%d" % n):
        return []
    if head in ("fail", "fail%d" % n):
        return [answer(0, 2)]
    if head in ("refuse", "refuse%d" % n):
        return [answer(0, 5)]
    if head in ("bare", "bare%d" % n):
        return [packet[:2] + b"\x81\x81" + bytes(8)]
    if head == "nx":
        return [answer(0, 3)]
    if head == "cut" and not tcp:
        return [answer(0, 0, 0x8380)]
    if head in ("cut", "long"):
        return [answer(60)]
    if head == "huge":
        return [answer(3000)]
    if head == "opt":
        return [answer(1, 0, last=41 if packet[11] else 40)]
    if head == "forged":
        wrong = bytes([packet[0] ^ 1, packet[1]])
        return [answer(last=66, id=wrong), b"", b"x", answer(last=67, asked=encode("forged.other") + b"\0\1\0\1"),
                answer(last=68, flags=0x0180), answer()]
    if head == "close":
        return None
    return [answer()]


def serve_tcp(conn, n):
    while True:
        size = conn.recv(2, socket.MSG_WAITALL)
        if len(size) < 2:
            break
        answers = reply(conn.recv(struct.unpack(">H", size)[0], socket.MSG_WAITALL), n, True)
        if answers is None:
            break
        for a in answers:
            for part in (struct.pack(">H", len(a)) + a[:5], a[5:]):
                conn.sendall(part)
                time.sleep(0.001)
    conn.close()


def listen_tcp(tcp, n):
    while True:
        threading.Thread(target=serve_tcp, args=(tcp.accept()[0], n), daemon=True).start()


def serve(addr, n):
    n, family = int(n), socket.AF_INET6 if ":" in addr else socket.AF_INET
    udp, tcp = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_STREAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    for s in udp, tcp:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((addr, 53))
    tcp.listen(64)
    threading.Thread(target=listen_tcp, args=(tcp, n), daemon=True).start()
    while True:
        packet, peer = udp.recvfrom(65535)
        for a in reply(packet, n, False) or []:
            udp.sendto(a, peer)


def client():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE: the loss of interest is not ours
    s.connect(SERVER)
    return s


def count_answers(names):
    s, wanted = client(), {}
    for i, name in enumerate(names):
        wanted[i] = name
        s.send(query(name, 28 if i % 2 else 1, i))
    end = time.time() + 10
    while wanted and select.select([s], [], [], max(0, end - time.time()))[0]:
        packet = s.recv(65535)
        if packet[3] & 15 == 0:
            wanted.pop(struct.unpack(">H", packet[:2])[0], None)
    print(len(names) - len(wanted))


def burst(name, count):
    count_answers([name] * int(count))


def forwarded(count):
    count_answers(["n%d.example" % i for i in range(int(count))])


def hanging(name, count):
    s, count = client(), int(count)
    for i in range(count):
        s.send(query("drop.n%d.example" % i, 1, i))
    s.send(query(name, 1, count))
    first, failed, wanted = None, 0, count + 1
    s.settimeout(12)
    while wanted:
        packet = s.recv(65535)
        first, wanted = first or packet, wanted - 1
        failed += packet[3] & 15 == 2
    print(*records(first)[2], "first" if first[:2] == struct.pack(">H", count) else "late", failed)


def garbage():
    s, good = client(), query("web")
    random.seed(1)
    for i in range(3000):
        kind = i % 5
        if kind == 0:
            p = os.urandom(random.randrange(1, 600))
        elif kind == 1:
            p = good[:random.randrange(len(good))]
        elif kind == 2:
            p = bytearray(good)
            p[random.randrange(len(p))] = random.randrange(256)
        elif kind == 3:
            p = good[:2] + b"\1\0\0\1\0\0\0\0\0\0" + random.choice([b"\xc0\x0c", b"\x3f" + b"a" * 62, b"\1a" * 200])
        else:
            p = good + os.urandom(random.randrange(1, 40))
        s.send(bytes(p))
    s.send(b"x" * 5000)
    t = socket.create_connection(SERVER)
    t.sendall(b"\xff\xff" + os.urandom(4000))
    t.close()
    for p in b"\0\0", b"\0\5hello", b"\0\x20" + os.urandom(32):
        t = socket.create_connection(SERVER)
        t.sendall(p)
        t.settimeout(5)
        try:
            t.recv(100)
        except ConnectionResetError:
            pass
        t.close()


def read_message(s):
    size = s.recv(2, socket.MSG_WAITALL)
    return s.recv(struct.unpack(">H", size)[0], socket.MSG_WAITALL)


def pipeline(*names):
    s = socket.create_connection(SERVER)
    s.settimeout(5)
    out = b"".join(struct.pack(">H", len(q)) + q for q in map(query, names))
    for i in range(0, len(out), 7):  # in pieces that fit nothing
        s.sendall(out[i:i + 7])
    s.shutdown(socket.SHUT_WR)
    for _ in names:
        n, code, addrs = records(read_message(s))
        print(n, code, addrs[0] if addrs else "-", end="; ")
    print("end" if s.recv(1) == b"" else "more")


def connections(count):
    keep = [socket.create_connection(SERVER) for _ in range(int(count))]
    s = socket.create_connection(SERVER)
    s.settimeout(15)
    q = query("web")
    s.sendall(struct.pack(">H", len(q)) + q)
    print(*records(read_message(s))[2])
    keep.clear()


def idle():
    s, start = socket.create_connection(SERVER), time.time()
    s.settimeout(20)
    assert s.recv(1) == b""
    print(round(time.time() - start))


def bind():
    for kind in socket.SOCK_DGRAM, socket.SOCK_STREAM:
        s = socket.socket(socket.AF_INET, kind)
        s.bind(("0.0.0.0", 53))
    print("free")


globals()[sys.argv[1]](*sys.argv[2:])
