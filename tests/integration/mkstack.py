#!/usr/bin/env python3
"""Write an archive for `docker load` whose layers make every kind of change that layers can make.

    mkstack.py changes BASE.tar OUT.tar    images stack:three and stack:four: see changes()
    mkstack.py deep N BASE.tar OUT.tar     image deep:N of N layers, of which the last one is BASE.tar
"""
import hashlib
import io
import json
import sys
import tarfile

# cap_net_raw+ep, as security.capability has it
NET_RAW = b"\x01\x00\x00\x02\x00\x20\x00\x00" + bytes(12)


class Layer:
    """A tar in memory. Everything is root's and old, so that only the content tells layers apart."""

    def __init__(self):
        self.out = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.out, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name, content=None, mode=0o755, kind=None, link="", xattrs=None):
        entry = tarfile.TarInfo(name)
        entry.mode, entry.mtime, entry.linkname = mode, 1600000000, link
        entry.type = kind or (tarfile.DIRTYPE if content is None else tarfile.REGTYPE)
        data = (content or "").encode()
        entry.size = len(data)
        entry.pax_headers = {"SCHILY.xattr." + k: v.decode("latin-1") for k, v in (xattrs or {}).items()}
        self.tar.addfile(entry, io.BytesIO(data))

    def bytes(self):
        self.tar.close()
        return self.out.getvalue()


def changes(base):
    two, three, four = Layer(), Layer(), Layer()
    two.add("work")
    for name, content in [("keep", "kept"), ("gone", "gone"), ("opq/old1", "old"), ("opq/deep/old2", "old"),
                          ("swap-file", "file"), ("swap-dir/inner", "inner"), ("hl/a", "linked")]:
        two.add("work/" + name, content, 0o644)
    two.add("work/hl/b", kind=tarfile.LNKTYPE, link="work/hl/a")
    two.add("work/hl/c", kind=tarfile.LNKTYPE, link="work/hl/a")
    two.add("work/link", kind=tarfile.SYMTYPE, link="keep")
    two.add("work/capped", "capped", xattrs={"security.capability": NET_RAW})
    two.add("work/xa", "attributes", 0o644, xattrs={"user.test": b"value"})

    three.add("work/.wh.gone", "")
    three.add("work/opq")
    three.add("work/opq/.wh..wh..opq", "")
    three.add("work/opq/new", "new", 0o644)
    three.add("work/swap-file")
    three.add("work/swap-file/inside", "inside", 0o644)
    three.add("work/swap-dir", "was a folder", 0o644)
    three.add("work/hl/.wh.a", "")

    four.add("work/swap-file", "a file again", 0o644)
    four.add("work/swap-dir")
    four.add("work/swap-dir/other", "other", 0o644)

    stack = [base, two.bytes(), three.bytes(), four.bytes()]
    return {"stack:three": stack[:3], "stack:four": stack}


def deep(n, base):
    stack = []
    for i in range(1, n):
        layer = Layer()
        layer.add("deep/%d" % i, "layer %d" % i, 0o644)
        layer.add("deep/last", str(i), 0o644)
        stack.append(layer.bytes())
    return {"deep:%d" % n: stack + [base]}


def put(tar, name, data):
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def write(images, path):
    manifest, written = [], set()
    with tarfile.open(path, "w") as tar:
        for tag, layers in images.items():
            digests = [hashlib.sha256(layer).hexdigest() for layer in layers]
            for digest, layer in zip(digests, layers):
                if digest not in written:
                    put(tar, digest + ".tar", layer)
                    written.add(digest)
            config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"]},
                                 "rootfs": {"type": "layers", "diff_ids": ["sha256:" + d for d in digests]}}).encode()
            name = hashlib.sha256(config).hexdigest() + ".json"
            put(tar, name, config)
            manifest.append({"Config": name, "RepoTags": [tag], "Layers": [d + ".tar" for d in digests]})
        put(tar, "manifest.json", json.dumps(manifest).encode())


def main(kind, *args):
    *numbers, base, out = args
    with open(base, "rb") as f:
        data = f.read()
    write(changes(data) if kind == "changes" else deep(int(numbers[0]), data), out)


main(*sys.argv[1:])
