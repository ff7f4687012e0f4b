"""A daemon that tells of one run, as far as a test lets it."""

import json
import pathlib
import socket
import threading


class Daemon:
    """Serves STATE_DIR/kvmtestd.sock from threads of its own."""

    def __init__(self, state_dir, run, lines):
        self.run = run
        self.lines = lines
        self.told = 0  # lines that may be sent
        self.asked = []  # what came besides questions: ["POST /v1/stop"]
        self.dead = False
        self.mute = False  # like a process that is stopped
        self.changed = threading.Condition()
        self.connections = []
        self.socket = socket.socket(socket.AF_UNIX)
        path = pathlib.Path(state_dir) / "kvmtestd.sock"
        path.unlink(missing_ok=True)
        self.socket.bind(str(path))
        self.socket.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def tell(self, count):
        """Lets the first `count` records be known."""
        with self.changed:
            self.told = count
            self.changed.notify_all()

    def was_asked(self, what):
        with self.changed:
            return what in self.asked

    def die(self):
        """Ends as with kill -9."""
        with self.changed:
            self.dead = True
            self.changed.notify_all()
        # Of the listening one, too: a thread that waits in accept() would take one client more.
        for open_socket in [self.socket, *self.connections]:
            try:
                open_socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.socket.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                got = connection.recv(65536)
                if not got:
                    return
                head += got
            method, target = head.split(b" ")[:2]
            what = f"{method.decode()} {target.decode()}"
            if what == "GET /v1/status":
                self.answer(connection, {"run": self.run, "fingerprint": ""})
            elif what.startswith(f"GET /v1/runs/{self.run}/records"):
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                self.stream(connection)
            else:
                with self.changed:
                    self.asked.append(what)
                    self.changed.notify_all()
                    self.changed.wait_for(lambda: self.dead or not self.mute)
                self.answer(connection, {})
        except OSError:
            pass
        finally:
            connection.close()

    @staticmethod
    def answer(connection, body):
        text = json.dumps(body).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))

    def stream(self, connection):
        sent = 0
        while sent < len(self.lines):
            with self.changed:
                self.changed.wait_for(lambda: (self.told > sent or self.dead) and not self.mute, timeout=0.3)
                if self.dead:
                    return
                if self.mute:
                    continue
                fresh = self.lines[sent : self.told] or [""]
            connection.sendall("".join(line + "\n" for line in fresh).encode())
            sent += len([line for line in fresh if line])
