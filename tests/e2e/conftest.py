"""Images of this checkout, and a receiver of telemetry."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from composed import build_images, engine_is_missing
from observing import Collector


@pytest.fixture(scope="session")
def images() -> str:
    """Tag of the images of this checkout; skips where no engine can build and run them."""
    if why := engine_is_missing():
        pytest.skip(why)
    return build_images()


@pytest.fixture
def collector() -> Iterator[Collector]:
    seen = Collector()

    class Receive(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receive)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    seen.endpoint = f"http://127.0.0.1:{server.server_port}"
    yield seen
    server.shutdown()
    server.server_close()
    thread.join()
