#!/usr/bin/python3
"""A registry that misbehaves, one way for each repository; see registry.sh.

badregistry.py PORT LAYER.tar LOG: serves an image of one layer under /v2/NAME/. LOG gets a line for each
request: METHOD PATH RANGE AUTHORIZATION.
"""
import gzip
import hashlib
import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, layer_path, log_path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
log, lock, counts = open(log_path, "a", buffering=1), threading.Lock(), {}


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def image(raw, blob, config_extra=None, **changes):
    """The manifest of an image with one layer, and its blobs."""
    config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"]},
              "rootfs": {"type": "layers", "diff_ids": [digest(raw)]}}
    config.update(config_extra or {})
    text = json.dumps(config).encode()
    layer = {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": len(blob),
             "digest": digest(blob)}
    layer.update(changes)
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(text),
                           "digest": digest(text)},
                "layers": [layer]}
    return manifest, {digest(text): text, digest(blob): blob}


raw = open(layer_path, "rb").read()
good = gzip.compress(raw, 6, mtime=0)
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
repos, uploads, pushed = {}, {}, {}


def add(name, manifest, blobs, type=MANIFEST):
    repos[name] = (json.dumps(manifest).encode(), blobs, type)


def salted():
    """A layer that is nobody else's, so that it is not there already: with padding of its own."""
    own = raw + b"\0" * 512 * (1 + len(repos))
    return own, gzip.compress(own, 6, mtime=0)


for name in ("breaks", "norange", "stalls", "busy", "fails", "moved", "loop", "token", "once", "slow", "forever", "astray"):
    own, packed = salted()
    add(name, *image(own, packed))
own, packed = salted()
manifest, blobs = image(own, packed)
blobs[digest(packed)] = packed[:-20] + b"x" * 20
add("lies", manifest, blobs)
own, packed = salted()
manifest, blobs = image(own, packed)
blobs[digest(packed)] = gzip.compress(own, 6, mtime=1)  # the same layer, packed at another time
add("other", manifest, blobs)
own, packed = salted()
manifest, blobs = image(own, packed)
add("honest", manifest, blobs)
manifest, blobs = image(own, packed[:-1] + b"x", {"author": "somebody else"})  # the same layer, they say
add("spoilt", manifest, blobs)
own, packed = salted()
manifest, blobs = image(own, packed, size=len(packed) + 10)
add("short", manifest, blobs)
own, packed = salted()
manifest, blobs = image(own, packed, size=len(packed) - 10)
add("long", manifest, blobs)
own, packed = salted()
manifest, blobs = image(raw + b"\0" * 1024 * 1024, packed)
add("diffid", manifest, blobs)
manifest, blobs = image(*salted(), mediaType="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                        urls=["http://127.0.0.1:1/x"])
add("foreign", manifest, blobs)
manifest, blobs = image(*salted())
manifest["manifests"] = []
add("both", manifest, blobs)
manifest, blobs = image(*salted())
add("mislabelled", manifest, blobs, INDEX)
add("schema1", {"schemaVersion": 1, "name": "x", "fsLayers": []}, {}, "application/vnd.docker.distribution.manifest.v1+prettyjws")
manifest, blobs = image(*salted())
manifest["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json"
add("artifact", manifest, blobs)
manifest, blobs = image(*salted(), config_extra={"os": "windows"})
add("windows", manifest, blobs)
add("noplatform", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [
    {"mediaType": MANIFEST, "size": 2, "digest": digest(b"{}"), "platform": {"os": "linux", "architecture": "s390x"}}]}, {}, INDEX)
manifest, blobs = image(*salted())
manifest["layers"].append(manifest["layers"][0])
add("layers", manifest, blobs)
def two_layers(name):
    """An image of two layers, the second of which is told apart: its digest."""
    manifest, blobs = image(*salted())
    repos[name] = None
    own, packed = salted()
    config = json.loads(blobs[manifest["config"]["digest"]])
    config["rootfs"]["diff_ids"].append(digest(own))
    text = json.dumps(config).encode()
    blobs.update({digest(text): text, digest(packed): packed})
    manifest["config"].update(size=len(text), digest=digest(text))
    manifest["layers"].append({**manifest["layers"][0], "size": len(packed), "digest": digest(packed)})
    add(name, manifest, blobs)
    return digest(packed)


second = two_layers("partly")  # refused at first
never = two_layers("half")  # refused for ever
repos["json"] = (b"{ this is no JSON", {}, MANIFEST)
repos["huge"] = (b" " * (20 << 20) + b"{}", {}, MANIFEST)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def count(self, what):
        with lock:
            counts[what] = counts.get(what, 0) + 1
            return counts[what]

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code, message, **headers):
        self.answer(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(), **headers)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        log.write(f"{self.command} {self.path} {self.headers.get('Range')} {self.headers.get('Authorization')}\n")
        if self.path == "/v2/":
            return self.answer(200, b"{}")
        if self.path.startswith("/v1/search?q=some%20thing&n="):
            return self.answer(200, json.dumps({"results": [
                {"name": "few", "description": "", "star_count": 1, "is_official": False},
                {"name": "many", "description": "d", "star_count": 7, "is_official": True}]}).encode())
        if self.path.startswith("/token"):
            if self.headers.get("Authorization") != "Basic bWU6c2VjcmV0":  # me:secret
                return self.refuse(401, "UNAUTHORIZED", "incorrect username or password")
            return self.answer(200, json.dumps({"token": "a-token", "expires_in": 300}).encode())
        if self.path.startswith("/asks/"):  # where blobs of `astray` are not
            realm = f'Bearer realm="http://127.0.0.1:{port}/token/stolen",service="bad"'
            return self.refuse(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate=realm)
        if self.path.startswith("/elsewhere/"):  # where blobs of `moved` really are
            name = "moved"
            return self.blob(name, self.path.rsplit("/", 1)[1])
        parts = self.path.split("/")
        name, kind, what = parts[2], parts[3], parts[4]
        if name == "token" and self.headers.get("Authorization") != "Bearer a-token":
            realm = f'Bearer realm="http://127.0.0.1:{port}/token",service="bad",scope="repository:token:pull"'
            return self.refuse(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate=realm)
        if name == "private":
            realm = f'Bearer realm="http://127.0.0.1:{port}/token",service="bad",error="insufficient_scope"'
            return self.refuse(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate=realm)
        if name == "pushed" and kind == "blobs":
            there = what in pushed
            return self.answer(200 if there else 404, pushed.get(what, b""))
        if name not in repos:
            return self.refuse(404, "NAME_UNKNOWN", "repository name not known to registry")
        if kind == "manifests":
            if name == "busy" and self.count("busy") < 3:
                return self.refuse(429, "TOOMANYREQUESTS", "slow down", Retry_After="0")
            text, _, type = repos[name]
            return self.answer(200, text, Content_Type=type, Docker_Content_Digest=digest(text))
        self.blob(name, what)

    # One may push to /v2/pushed/. Each step fails once.

    def body(self):
        data = b""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        while n := int(self.rfile.readline(), 16):
            data += self.rfile.read(n)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def do_POST(self):
        log.write(f"{self.command} {self.path} {self.headers.get('Range')} {self.headers.get('Authorization')}\n")
        if "Content-Length" not in self.headers:
            return self.refuse(411, "UNSUPPORTED", "length required")
        self.body()
        self.answer(202, Location=f"http://127.0.0.1:{port}/v2/pushed/blobs/uploads/{self.count('upload')}")

    def do_PATCH(self):
        log.write(f"{self.command} {self.path} {self.headers.get('Range')} {self.headers.get('Authorization')}\n")
        data = self.body()
        if self.count("patch") == 1:  # the token that was good until now
            realm = f'Bearer realm="http://127.0.0.1:{port}/token",service="bad"'
            return self.refuse(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate=realm)
        uploads[self.path] = data
        self.answer(202, Location=self.path)

    def do_PUT(self):
        log.write(f"{self.command} {self.path} {self.headers.get('Range')} {self.headers.get('Authorization')}\n")
        if "Content-Length" not in self.headers:
            return self.refuse(411, "UNSUPPORTED", "length required")
        data = self.body()
        if "/manifests/" in self.path:
            return self.answer(503 if self.count("manifest") == 1 else 201)
        where, want = self.path.split("?digest=")
        if where not in uploads:
            return self.refuse(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        data = uploads.pop(where)
        if digest(data) != want:
            return self.refuse(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        pushed[want] = data
        if self.count("put") == 1:  # it is there, but nobody hears of it
            self.close_connection = True
            return
        self.answer(201)

    def blob(self, name, what):
        data = repos[name][1].get(what)
        if data is None:
            return self.refuse(404, "BLOB_UNKNOWN", "blob unknown to registry")
        if len(data) < 2000:  # a config
            return self.answer(200, data)
        if name == "loop":
            return self.answer(307, Location=self.path)
        if name == "astray":
            return self.answer(307, Location=f"http://localhost:{port}/asks/{what}")
        if name == "moved" and not self.path.startswith("/elsewhere"):
            return self.answer(307, Location=f"http://localhost:{port}/elsewhere/{what}")
        if name == "fails" and self.count("fails") < 3:
            return self.answer(500, b"oops")
        if name == "half" and what == never:
            time.sleep(1)
            return self.refuse(404, "BLOB_UNKNOWN", "blob unknown to registry")
        if name == "partly" and what == second and self.count("partly second") < 2:
            time.sleep(1)
            return self.refuse(404, "BLOB_UNKNOWN", "blob unknown to registry")
        if name == "forever":
            return self.answer(503, b"never", Retry_After="0")
        start = 0
        if self.headers.get("Range") and name != "norange":
            start = int(self.headers["Range"][len("bytes="):].rstrip("-"))
        status = 206 if start else 200
        n = self.count(name)
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if name in ("breaks", "norange") and n < 4 or name == "once" and n < 2:
            self.wfile.write(data[start:start + len(data) // 4])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        if name == "stalls" and n == 1:
            self.wfile.write(data[start:start + len(data) // 2])
            self.wfile.flush()
            time.sleep(100)
            return
        if name in ("slow", "spoilt"):
            for at in range(start, len(data), 20000):
                self.wfile.write(data[at:at + 20000])
                self.wfile.flush()
                time.sleep(0.05)
            return
        self.wfile.write(data[start:])


ThreadingHTTPServer.daemon_threads = True
ThreadingHTTPServer.allow_reuse_address = True
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
