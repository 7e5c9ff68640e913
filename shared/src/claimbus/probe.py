"""`python -m claimbus.probe PORT`: status 0 when the service on this machine can work, for a container's health check.

It imports next to nothing: it runs every few seconds, beside the service.
"""

import socket
import sys


def answers(port: int, path: str = "/ready") -> bool:
    """Whether a service says 204 there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=4) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\n\r\n".encode())
            return b" 204 " in connection.recv(64)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(not answers(int(sys.argv[1])))
