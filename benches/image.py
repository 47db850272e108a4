"""Writes an OCI layout with an image of real files, for the benches: this machine's own `/usr`, in the order
of its names, until the compressed layers have so many megabytes in all.

    image.py DIRECTORY MEGABYTES
"""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

LAYERS = 6

layout, megabytes = sys.argv[1], int(sys.argv[2])
blobs = os.path.join(layout, "blobs", "sha256")
os.makedirs(blobs)


class Counted(io.RawIOBase):
    """A file that is hashed on its way."""

    def __init__(self, file):
        self.file, self.hash, self.size = file, hashlib.sha256(), 0

    def writable(self):
        return True

    def write(self, data):
        self.hash.update(data)
        self.size += len(data)
        self.file.write(data)
        return len(data)


def files():
    for folder, folders, names in os.walk("/usr"):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path) and os.path.getsize(path) < 32 << 20:
                yield path


def keep(data):
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(blobs, digest), "wb") as file:
        file.write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}


source = files()
layers, diff_ids = [], []
for number in range(LAYERS):
    temporary = os.path.join(blobs, "layer")
    with open(temporary, "wb") as file:
        packed = Counted(file)
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as zipped:
            plain = Counted(zipped)
            with tarfile.open(fileobj=plain, mode="w|") as archive:
                while packed.size < megabytes * 1_000_000 // LAYERS:
                    path = next(source, None)
                    if path is None:
                        sys.exit(f"/usr has not files enough for {megabytes} MB")
                    archive.add(path, arcname=path.lstrip("/"), recursive=False)
    digest = packed.hash.hexdigest()
    os.rename(temporary, os.path.join(blobs, digest))
    layers.append({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                   "digest": "sha256:" + digest, "size": packed.size})
    diff_ids.append("sha256:" + plain.hash.hexdigest())

config = {"architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/usr/bin/env"]},
          "rootfs": {"type": "layers", "diff_ids": diff_ids}}
config = {"mediaType": "application/vnd.oci.image.config.v1+json", **keep(json.dumps(config).encode())}
manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": layers}
entry = {"mediaType": manifest["mediaType"], **keep(json.dumps(manifest).encode()),
         "annotations": {"org.opencontainers.image.ref.name": "1"}}
with open(os.path.join(layout, "index.json"), "w") as file:
    json.dump({"schemaVersion": 2, "manifests": [entry]}, file)
with open(os.path.join(layout, "oci-layout"), "w") as file:
    json.dump({"imageLayoutVersion": "1.0.0"}, file)
