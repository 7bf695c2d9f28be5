"""Serves a binary over TLS: serve.py <directory> <certificate> <key> <address> <port> [<newest TLS>]

/<how>/<name> is that file of the directory, each <how> served in a way of its own. The port, then the path of each
request, is a line on standard output; so is that a slow answer was heard to its end.
"""

import http.server
import os
import ssl
import sys
import time
import warnings

directory, certificate, key, address, port = sys.argv[1:6]
asked = {}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        _, how, name = self.path.split("/", 2)
        asked[how] = asked.get(how, 0) + 1
        with open(os.path.join(directory, os.path.basename(name)), "rb") as file:
            content = file.read()
        try:
            getattr(self, how)(content)
        except OSError:
            pass  # The client has heard enough.

    def releases(self, content, length=None):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def altered(self, content):
        self.releases(content[:-1] + bytes([content[-1] ^ 1]))

    def short(self, content):
        self.releases(content[:-1])

    def longer(self, content):
        self.releases(content + b"\n")

    def empty(self, content):
        self.releases(b"")

    def page(self, content):
        self.releases(b"<html>Please sign in to this network.</html>")

    def cut(self, content):
        self.releases(content[: len(content) // 2], len(content))

    def endless(self, content):
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(bytes(1 << 20))

    def dripping(self, content):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        for byte in content:
            self.wfile.write(bytes([byte]))
            time.sleep(0.1)
        print("dripped to its end", flush=True)

    def flaky(self, content):
        if asked["flaky"] <= 2:
            self.send_error(503)
        else:
            self.releases(content)

    def missing(self, content):
        self.send_error(404)

    def moved(self, content):
        self.send_response(302)
        self.send_header("Location", self.path.replace("/moved/", "/releases/"))
        self.end_headers()

    def log_request(self, *_):
        print(self.path, flush=True)

    def log_message(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
if sys.argv[6:] == ["1.1"]:
    warnings.simplefilter("ignore")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
server = http.server.ThreadingHTTPServer((address, int(port)), Handler)
server.daemon_threads = True
# The handshake is left to each request's thread: nobody else waits for it.
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.handle_error = lambda *_: None
print(server.server_address[1], flush=True)
server.serve_forever()
