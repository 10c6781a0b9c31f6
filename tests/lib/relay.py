"""relay - a TCP port in front of a database that can be made to fail in different ways."""
import select
import socket
import threading


class Relay:
    """mode: 'pass'; 'hang' (nothing is passed on, in either direction, nor closed); 'refuse' (the
    port is closed, and all connections are reset). spoil(octets, n): if given, what is passed on of
    the server's octets, of which n came before on this connection; after fewer octets it ends."""

    def __init__(self, target):
        self.target, self.mode, self.connections = target, 'pass', 0
        self.spoil, self.said = None, {}
        self.open, self.stopping = [], False
        self._listen(0)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _listen(self, port):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(('127.0.0.1', port))
        self.listener.listen(100)

    def set(self, mode):
        self.mode = mode
        if mode == 'refuse':
            self.listener.close()
            for pair in self.open:
                for end in pair:
                    end.close()
            self.open = []
        elif self.listener.fileno() < 0:
            self._listen(self.port)

    def close(self):
        self.stopping = True
        self.thread.join()
        self.set('refuse')

    def _accept(self):
        ours, _ = self.listener.accept()
        self.connections += 1
        self.open.append((ours, socket.create_connection(('127.0.0.1', self.target))))

    def _pass_on(self, readable):
        for pair in list(self.open):
            for end, other in (pair, pair[::-1]):
                if end not in readable:
                    continue
                if self._pass(end, other, end is pair[1]):
                    continue
                for each in pair:
                    each.close()
                self.open.remove(pair)
                break

    def _pass(self, end, other, from_server):
        """False: the connection has ended."""
        try:
            octets = passed = end.recv(65536)
            if octets and from_server:
                before = self.said.get(other, 0)
                self.said[other] = before + len(octets)
                passed = self.spoil(octets, before) if self.spoil else octets
            if passed:
                other.sendall(passed)
            return len(octets) > 0 and len(passed) >= len(octets)
        except OSError:
            return False

    def _run(self):
        while not self.stopping:
            try:
                watched = [self.listener] if self.listener.fileno() >= 0 else []
                if self.mode == 'pass':
                    watched += [end for pair in self.open for end in pair]
                readable = select.select(watched, [], [], 0.05)[0] if watched else []
                if self.listener in readable:
                    self._accept()
                if self.mode == 'pass':
                    self._pass_on(readable)
            except (OSError, ValueError):
                pass        # closed meanwhile
            if self.mode == 'refuse':
                threading.Event().wait(0.05)
