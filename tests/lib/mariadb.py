#!/usr/bin/python3
"""A private MariaDB server for tests: its own folder, socket and loopback port, no file of /etc.

    with MariaDB() as db:
        db.sql("CREATE DATABASE certs")
        db.user("cert", "secret", "certs")
        rows = db.sql("SELECT cert_num, status FROM list_certs", "certs")

or from a shell:  mariadb.py start DIR [OPTION…]   prints "PID PORT SOCKET"
                  mariadb.py stop DIR              ends it and removes DIR

As root the server runs as user mysql, or nobody where there is none; else as whoever starts it.
"""
import ctypes
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SOCKET_PATH_MAX = 107   # sun_path, octets without its NUL
PR_SET_PDEATHSIG = 1


def program(*names):
    """The first of these programs that there is, or None."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    return next(filter(None, (shutil.which(n, path=path) for n in names)), None)


def available():
    """Can a server be started here? Tests skip (exit code 77) where it can't."""
    return all((program("mariadbd", "mysqld"), program("mariadb-install-db"), program("mariadb")))


def free_port():
    """A port for a server to be started. Not one of those that the kernel gives to connections:
    another test's could take it in the meantime."""
    while True:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", random.randrange(10000, 32768)))
                return s.getsockname()[1]
            except OSError:
                pass


def server_user():
    """The account that the server runs as, or None for this process's own."""
    if os.getuid() != 0:
        return None
    for name in ("mysql", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise RuntimeError("neither user mysql nor nobody: MariaDB does not run as root")


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class MariaDB:
    """dir: made when missing, removed by remove(); by default a new one below /tmp. As root, the
    folders above it have to be open to the server's user. Can be started again after stop()."""

    def __init__(self, dir=None, port=None, options=()):
        self.dir = os.path.abspath(dir or tempfile.mkdtemp(prefix="ocsp-db-", dir="/tmp"))
        self.socket = os.path.join(self.dir, "s")
        if len(os.fsencode(self.socket)) > SOCKET_PATH_MAX:
            raise ValueError(f"{self.socket} is too long for a socket: use a shorter folder")
        self.port = port or free_port()
        self.options = list(options)
        self.process = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, *unused):
        self.remove()

    @property
    def pid(self):
        return self.process.pid

    def _account(self):
        user = server_user()
        if not user:
            return {}
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def _install(self):
        os.makedirs(self.dir, exist_ok=True)
        os.chmod(self.dir, 0o755)       # whoever is tested has to reach the socket
        account = self._account()
        if account:
            os.chown(self.dir, account["user"], account["group"])
        run = subprocess.run(
            [program("mariadb-install-db"), "--no-defaults", f"--datadir={self.dir}/data",
             "--auth-root-authentication-method=normal", "--skip-test-db",
             "--innodb-log-file-size=8M"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            # of two that run at once, each would remove the other's temporary tables from /tmp
            cwd="/", env=dict(os.environ, TMPDIR=self.dir), **account)
        if run.returncode:
            raise RuntimeError("mariadb-install-db: " + run.stdout.decode(errors="replace")[-2000:])

    def start(self, timeout_s=60, die_with_us=True):
        """Makes the data folder when it is missing, starts the server, waits until it answers."""
        if not os.path.isdir(f"{self.dir}/data"):
            self._install()
        self.process = subprocess.Popen(
            [program("mariadbd", "mysqld"), "--no-defaults", f"--datadir={self.dir}/data",
             f"--socket={self.socket}", f"--pid-file={self.dir}/pid", "--bind-address=127.0.0.1",
             f"--port={self.port}", f"--tmpdir={self.dir}", f"--log-error={self.dir}/err.log",
             "--skip-name-resolve", "--skip-log-bin", "--innodb-buffer-pool-size=32M",
             "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=0", *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd="/", start_new_session=True,
            preexec_fn=die_with_parent if die_with_us else None, **self._account())
        end = time.monotonic() + timeout_s
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError("MariaDB did not start: " + self.log())
            time.sleep(0.03)
        return self

    def _answers(self):
        """Does the server take connections? Asked of its socket: a client each time costs more."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            try:
                s.connect(self.socket)
                return len(s.recv(1)) == 1
            except OSError:
                return False

    def stop(self, how=signal.SIGTERM):
        """Ends the server (signal.SIGKILL: as a crash would); the data stay."""
        if not self.process:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        try:
            with open(f"{self.dir}/err.log", errors="replace") as f:
                return f.read()[-4000:]
        except OSError:
            return "(no log)"

    def sql(self, text, database=""):
        """Runs statements as the server's root. Returns the rows, each a list of strings; NULL
        reads "NULL"."""
        run = subprocess.run(
            [program("mariadb"), "--no-defaults", "-uroot", "-S", self.socket, "-N", "-B",
             "--skip-ssl",
             "--default-character-set=utf8mb4", "--init-command=SET time_zone='+00:00'", database],
            input=text.encode(), capture_output=True)
        if run.returncode:
            raise RuntimeError(f"{text[:200]}: {run.stderr.decode(errors='replace').strip()}")
        return [line.split("\t") for line in run.stdout.decode(errors="replace").splitlines()]

    def user(self, name, password, database, grants="ALL", require=""):
        """Makes a user for the socket and for loopback TCP."""
        for host in ("localhost", "127.0.0.1"):
            self.sql(f"CREATE OR REPLACE USER '{name}'@'{host}' IDENTIFIED BY '{password}' {require};"
                     f"GRANT {grants} ON `{database}`.* TO '{name}'@'{host}'")


def stop_pid(pid, timeout_s=30):
    """Ends a server that another process started."""
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)


def main(args):
    if len(args) >= 2 and args[0] == "start":
        db = MariaDB(args[1], options=args[2:]).start(die_with_us=False)
        print(db.pid, db.port, db.socket)
        db.process.returncode = 0       # it stays, and is no child to wait for
    elif len(args) == 2 and args[0] == "stop":
        try:
            with open(os.path.join(args[1], "pid")) as f:
                stop_pid(int(f.read()))
        except (FileNotFoundError, ProcessLookupError):
            pass
        shutil.rmtree(args[1], ignore_errors=True)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
