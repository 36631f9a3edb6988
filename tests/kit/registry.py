"""A tiny npm registry on this machine, and the pins of what it offers."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from packages import sha256, tarred

from illusionkit.data.archives import Member, Source, folder_hash


class Registry:
    """Packages by name, served as npm asks for them; ``asked`` notes every request."""

    def __init__(self):
        self.pages, self.asked = {}, []
        handler = type("Handler", (_Handler,), {"registry": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def package(self, name, files, scripts=None):
        """Offer version 1.0.0 of a package with ``files``; return its pin, with one folder."""
        about = json.dumps({"name": name, "version": "1.0.0", "scripts": scripts or {}}).encode()
        made = {f"package/{path}": content for path, content in files.items()}
        content = tarred({"package/package.json": about, **made})
        file = f"{name.strip('@').replace('/', '-')}-1.0.0.tgz"
        digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
        dist = {"tarball": f"{self.url}/{file}", "integrity": f"sha512-{digest}"}
        version = {"name": name, "version": "1.0.0", "dist": dist}
        about = {"name": name, "versions": {"1.0.0": version}, "dist-tags": {"latest": "1.0.0"}}
        self.pages |= {f"/{name}": json.dumps(about).encode(), f"/{file}": content}
        texts = {
            path.rpartition("/")[2]: text
            for path, text in files.items()
            if path.startswith("data/") and path.endswith(".txt")
        }
        return Source(
            id="mails", package=name, version="1.0.0", kind="npm", file=file, size=len(content),
            sha256=sha256(content), licence="none", citation="none",
            members={"texts": Member("package/data/*.txt", folder_hash(texts))},
        )  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    registry: Registry

    def do_GET(self):
        path = unquote(self.path)
        self.registry.asked.append(path)
        content = self.registry.pages.get(path)
        self.send_response(200 if content is not None else 404)
        self.end_headers()
        self.wfile.write(content if content is not None else b"{}")

    def log_message(self, *arguments):
        """Say nothing."""
