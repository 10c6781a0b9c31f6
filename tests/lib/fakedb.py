"""fakedb - what calls itself a MySQL server, and talks nonsense after its greeting."""
import socket
import threading

GREETING = (b'\x0a' b'5.5.5-10.11.6-MariaDB-0\0' b'\x2a\0\0\0' b'saltsalt\0'
            b'\xfe\xf7' b'\x2d' b'\x02\0' b'\xff\x81' b'\x15' + bytes(10) + b'saltsaltsalt\0'
            b'mysql_native_password\0')
OK = b'\0\0\0\x02\0\0\0'


def packet(number, payload):
    return len(payload).to_bytes(3, 'little') + bytes([number]) + payload


class FakeServer:
    """answers: for each message of a client in turn, what it is told: octets; a number of OKs comes
    first, for the login and the settings of a session. ends: closes the connection then."""

    def __init__(self, answers=(), oks=0, greeting=packet(0, GREETING), ends=True):
        self.answers, self.oks, self.greeting, self.ends = list(answers), oks, greeting, ends
        self.messages = 0
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen(100)
        self.listener.settimeout(0.1)
        self.port = self.listener.getsockname()[1]
        self.stopping = False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.stopping = True
        self.thread.join()
        self.listener.close()

    def _run(self):
        while not self.stopping:
            try:
                sock, _ = self.listener.accept()
            except TimeoutError:
                continue
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock:
            sock.settimeout(5)
            try:
                sock.sendall(self.greeting)
                for number in range(self.oks):
                    if not sock.recv(65536):
                        return
                    self.messages += 1
                    sock.sendall(packet(2 if number == 0 else 1, OK))
                for answer in self.answers:
                    if not sock.recv(65536):
                        return
                    self.messages += 1
                    sock.sendall(answer)
                while not self.ends and not self.stopping and sock.recv(65536):
                    pass
            except OSError:
                pass
