"""Serves images as a registry: registry.py <directory>, which has <name>/<tag>/ as `docker save` packs an image.

Each request is a line on standard error.
"""

import glob
import http.server
import json
import os
import sys

directory = sys.argv[1]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        found = self.find(self.path.split("?")[0])
        if found is None:
            return self.answer(404, "application/json", b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')
        kind, digest, path = found
        with open(path, "rb") as file:
            content = file.read()
        if kind == "manifests":
            kind = json.loads(content).get("mediaType", "application/vnd.oci.image.manifest.v1+json")
        else:
            kind = "application/octet-stream"
        self.answer(200, kind, content, digest)

    do_HEAD = do_GET

    def find(self, path):
        if path == "/v2/":
            return "blobs", "", os.devnull
        for kind in ("manifests", "blobs"):
            name, is_so, reference = path.removeprefix("/v2/").partition(f"/{kind}/")
            if not is_so:
                continue
            index = os.path.join(directory, name, reference, "index.json")
            if os.path.exists(index):
                with open(index) as file:
                    reference = json.load(file)["manifests"][0]["digest"]
            files = glob.glob(os.path.join(directory, name, "*", "blobs", *reference.split(":")))
            if ":" in reference and files:
                return kind, reference, files[0]
        return None

    def answer(self, status, kind, content, digest=""):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


http.server.ThreadingHTTPServer(("", 80), Handler).serve_forever()
