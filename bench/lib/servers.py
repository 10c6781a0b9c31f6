"""servers - ours and others', each on a loopback port of its own, ended with this process."""
import base64
import os
import re
import subprocess
import time

import machine

NGINX = '''daemon off;
master_process on;
worker_processes auto;
pid {dir}/nginx.pid;
error_log {dir}/nginx.err;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000000;
    types {{ }}
    default_type application/ocsp-response;
    client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
    uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {dir}/www;
        location / {{ try_files /answer.der =404; }}
    }}
}}
'''

XINETD = '''defaults
{{
    log_type = FILE {dir}/{name}.log
}}
service ocsp
{{
    type = UNLISTED
    id = {name}
    socket_type = stream
    protocol = tcp
    bind = 127.0.0.1
    port = {port}
    wait = no
    user = {user}
    server = {program}
    {args}
    flags = NODELAY
    umask = 077
    instances = 256
    per_source = UNLIMITED
    rlimit_as = 512M
    cps = 100000 1
    log_on_success =
    log_on_failure = HOST
}}
'''


def accepts(pid, port):
    """Does somebody listen there, in that process's network?"""
    for family in ('tcp', 'tcp6'):
        with open('/proc/%d/net/%s' % (pid, family)) as table:
            for row in map(str.split, table):
                if row[1].endswith(':%04X' % port) and row[3] == '0A':
                    return True
    return False


class Servers:
    """Started one by one, all ended by close(). name -> port."""

    def __init__(self, fixture, tools):
        self.f, self.tools, self.r = fixture, tools, fixture.r
        self.dir = fixture.r.folder('servers', mine=False)
        self.port, self.children = {}, {}
        self.inside = {}        # name: a command that runs another where this server can be reached

    def _free_port(self):
        import mariadb
        return mariadb.free_port()

    def start(self, name, argv, port, **options):
        import responder

        def up():
            return child.poll() is not None or accepts(child.pid, port)

        with open(os.path.join(self.dir, name + '.out'), 'ab') as out:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                     cwd=self.dir, preexec_fn=machine.die_with_parent, **options)
        self.children[name], self.port[name] = child, port
        responder.wait_for(up, name, 20)
        if child.poll() is not None:
            raise RuntimeError('%s ended with %d: %s' % (name, child.returncode, self.said(name)))

    def said(self, name):
        with open(os.path.join(self.dir, name + '.out'), errors='replace') as f:
            return f.read()[-1000:]

    def listen(self, name, config, program='ocsp-stdio'):
        port = self._free_port()
        self.start(name, [self.f.program(program), '-c', config, '--listen', '-l',
                          '127.0.0.1:%d' % port], port)

    def fork_exec(self, name, *argv):
        port = self._free_port()
        self.start(name, [os.path.join(self.tools, 'fork-exec'), str(port), *argv], port)

    def fork_only(self, name, answer):
        port = self._free_port()
        self.start(name, [os.path.join(self.tools, 'fork-only'), str(port), answer], port)

    def nginx(self, answer):
        port = self._free_port()
        www = os.path.join(self.dir, 'www')
        os.makedirs(www, exist_ok=True)
        with open(answer, 'rb') as f, open(os.path.join(www, 'answer.der'), 'wb') as out:
            out.write(f.read())
        os.chmod(os.path.join(www, 'answer.der'), 0o644)
        path = os.path.join(self.dir, 'nginx.conf')
        with open(path, 'w') as f:
            f.write(NGINX.format(dir=self.dir, port=port))
        # its workers are user nobody or www-data: they have to get to the temporary folders
        self.start('nginx', ['/usr/sbin/nginx', '-e', self.dir + '/nginx.err', '-p', self.dir, '-c',
                             path], port)

    def xinetd(self, name, program, *args):
        port = self._free_port()
        plain = re.sub(r'\W+', '-', name)
        path = os.path.join(self.dir, plain + '.conf')
        args = 'server_args = ' + ' '.join(args) if args else ''
        with open(path, 'w') as f:
            f.write(XINETD.format(dir=self.dir, name=plain, port=port, program=program, args=args,
                                  user=self.r.account.pw_name))
        self.start(name, ['/usr/sbin/xinetd', '-dontfork', '-f', path, '-pidfile',
                          os.path.join(self.dir, plain + '.pid')], port)

    def openssl(self, serial):
        """openssl ocsp as a server: it reads a list of certificates, and signs every answer. It
        takes no address to listen on, so it gets a network that has loopback only."""
        port = self._free_port()
        with open(os.path.join(self.dir, 'index.txt'), 'w') as f:
            number = '%X' % serial
            f.write('V\t491231235959Z\t\t%s\tunknown\t/CN=leaf\n'
                    % ('0' * (len(number) % 2) + number))
        ca, key = self.r.path('ca.pem'), self.r.path('ca.key')
        alone = ['unshare', '--net'] + ([] if os.getuid() == 0 else ['--map-root-user'])
        self.start('openssl', alone + [
            'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', '/usr/bin/openssl', 'ocsp', '-port',
            str(port), '-index', self.dir + '/index.txt', '-CA', ca, '-rsigner', ca, '-rkey', key,
            '-nmin', '1440'], port)
        self.inside['openssl'] = ['nsenter', '-t', str(self.children['openssl'].pid), '--net'] + (
            [] if os.getuid() == 0 else ['--user', '--preserve-credentials'])

    def cfssl(self, answers):
        """It serves a file of answers from memory."""
        port = self._free_port()
        path = os.path.join(self.dir, 'responses.txt')
        with open(path, 'w') as out:
            for answer in answers:
                with open(answer, 'rb') as f:
                    out.write(base64.b64encode(f.read()).decode() + '\n')
        self.start('cfssl', ['/usr/bin/cfssl', 'ocspserve', '-address=127.0.0.1',
                             '-port=%d' % port, '-responses=' + path, '-loglevel=4'], port)

    def close(self):
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
        end = time.monotonic() + 10
        for child in self.children.values():
            try:
                child.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.children.clear()


LOAD = ('answers', 'failures', 'seconds', 'rps', 'min', 'p50', 'p90', 'p99', 'p999', 'max')


def load(tools, port, request, seconds, at_once=8, keep=False, rate=None, body=None, empty=False,
         samples=None, inside=()):
    """The bounded client; a dictionary of LOAD, times in us. inside: a command that runs it."""
    argv = [*inside, os.path.join(tools, 'load'), '-c', str(at_once), '-s', str(seconds)]
    for flag, value in (('-r', rate), ('-b', body), ('-o', samples)):
        if value:
            argv += [flag, str(value)]
    argv += ['-k'] * keep + ['-e'] * empty + [str(port), request]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 90,
                          preexec_fn=machine.die_with_parent)
    if not done.stdout:
        raise RuntimeError('%s: %s' % (' '.join(argv), done.stderr))
    return dict(zip(LOAD, map(float, done.stdout.split())))


def wrk(port, target, seconds, at_once=8):
    """Requests/s, by a client that others know; "Connection: close"."""
    done = subprocess.run(
        ['wrk', '-t1', '-c%d' % at_once, '-d%ds' % seconds, '-H', 'Connection: close',
         'http://127.0.0.1:%d%s' % (port, target)], capture_output=True, text=True,
        timeout=seconds + 60, preexec_fn=machine.die_with_parent)
    found = re.search(r'Requests/sec:\s+([\d.]+)', done.stdout)
    bad = re.search(r'Non-2xx or 3xx responses: (\d+)', done.stdout)
    if not found or bad:
        raise RuntimeError('wrk: ' + done.stdout + done.stderr)
    return float(found.group(1))
