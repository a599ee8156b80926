"""What stands at the other end of a webhook."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "s3cr3t"  # a part of its address


class Receiver:
    """A server on loopback that answers with the given statuses, then with 200; 0 hangs, 302 sends elsewhere."""

    def __init__(self, *statuses):
        self.statuses, self.received, self.requests = list(statuses), [], 0
        self.released = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests += 1
                status = outer.statuses.pop(0) if outer.statuses else 200
                if status == 0:
                    outer.released.wait(60)
                    return
                if status == 200:
                    outer.received.append(json.loads(body))
                self.send_response(status)
                self.send_header("Location", outer.url)
                self.end_headers()

            do_GET = do_POST  # noqa: N815

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/{SECRET}"

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
