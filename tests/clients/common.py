"""common - what the tests with other people's clients share: a CA, its responder, TLS servers."""
import contextlib
import os
import re
import shutil
import subprocess

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

import mariadb
import pki
import tap
from responder import Responder, accepts, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.environ['PATH'] + ':/usr/sbin:/sbin'
PORT = mariadb.free_port()
URL = 'http://127.0.0.1:%d/' % PORT
SECONDS = 60
HASHES = ('sha1', 'sha256', 'sha384', 'sha512')


def key_ids(issuer, key):
    """The extensions that name keys, as every CA's software writes them."""
    return [(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False)]


def make_ca():
    key = pki.make_key('rsa')
    return root.issue('Intermediate', key=key, extensions=[*pki.CA_EXTENSIONS, *key_ids(root, key)])


root = pki.make_root('Root', 'rsa')
r = Responder(ca=make_ca(), nonce='echo', ocspresponse='ca.ocsp', root='root.pem')


class Client:
    """name, packages, needs: columns of docs/clients.md."""

    def __init__(self, function, name, packages, programs, needs, slow, send_cert):
        self.function, self.name, self.packages = function, name, packages
        self.needs, self.slow, self.send_cert = needs, slow, send_cert
        self.title = function.__doc__
        self.missing = not all(os.path.exists(p) if p[0] == '/' else shutil.which(p, path=PATH)
                               for p in programs)

    def run(self):
        if self.missing:
            tap.skip('not installed: %s' % self.packages)
        try:
            self.function()
        except AssertionError as failure:
            # another test has taken the port between its choice and its use
            if 'already in use' not in str(failure):
                raise
            self.function()


CLIENTS = []


def client(name, packages, *programs, needs='nothing', slow=False, send_cert=False):
    """Decorator: a test that needs these programs, or files by their whole path. needs: what has to
    be done for this client. slow: only with OCSP_TEST_ALL. send_cert: with sendcert=yes."""
    def register(function):
        CLIENTS.append(Client(function, name, packages, programs, needs, slow, send_cert))
        return function
    return register


def write_fixture():
    aia = x509.AuthorityInformationAccess([x509.AccessDescription(
        AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(URL))])
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    names = x509.SubjectAlternativeName([x509.DNSName('localhost')])
    r.write('root.pem', root.pem(), 0o644)
    r.write('ca.ocsp', root.answer(r.ca))
    r.write('chain.pem', r.ca.pem() + root.pem(), 0o644)
    r.write('issuer.pem', r.ca.pem(), 0o644)
    for name in ('good', 'revoked', 'missing'):
        key = pki.make_key('rsa')
        entity = r.ca.issue(name, key=key, extensions=[
            *key_ids(r.ca, key), (x509.BasicConstraints(False, None), True), (names, False),
            (aia, False), (usages, False),
            (pki.key_usage('digital_signature', 'key_encipherment'), True)])
        r.write(name + '.pem', entity.pem(), 0o644)
        r.write(name + '.chain', entity.pem() + r.ca.pem(), 0o644)
        r.write(name + '.key', entity.key_pem(), 0o644)
        if name != 'missing':
            r.add(entity, **({} if name == 'good' else
                             {'status': 'Revoked', 'when': '2026-01-02 03:04:05',
                              'reason': 'key_compromise'}))
        yield name, entity


LEAVES = dict(write_fixture())


def delegate():
    """From here on a delegated responder signs."""
    if not os.path.exists(r.path('responder.pem')):
        entity = r.ca.issue_responder(kind='rsa')
        r.write('responder.pem', entity.pem())
        r.write('responder.key', entity.key_pem())
    r.configure(cert='responder.pem', pkey='responder.key', issuer='issuer.pem', sendcert=None)
    r.clear_cache()
    tap.equal(len(r.ask_about(LEAVES['good']).certs), 1)


def delegate_no_more(send_cert):
    """From here on the CA itself signs, with its certificate in the answers or without."""
    r.configure(cert='ca.pem', pkey='ca.key', issuer=None, sendcert='yes' if send_cert else None)
    r.clear_cache()
    tap.equal(len(r.ask_about(LEAVES['good']).certs), 1 if send_cert else 0)


def is_delegated():
    return r.ocsp.get('issuer') is not None


# --- running programs

def run(*command, octets=b'', env=None):
    """Everything that a command prints, whatever its exit code is."""
    done = subprocess.run(command, input=octets, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          cwd=r.dir, timeout=SECONDS, env=env and dict(os.environ, **env))
    return done.stdout.decode(errors='replace')


def must_build(*command, env=None):
    """A compiler, whose output is wanted only if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=r.dir,
                          timeout=4 * SECONDS, env=env and dict(os.environ, **env))
    assert done.returncode == 0, done.stdout.decode(errors='replace')[-3000:]


def takes_datagrams(port):
    """Does somebody wait for UDP there?"""
    with open('/proc/net/udp') as table:
        return any(line.split()[1].endswith(':%04X' % port) for line in table)


@contextlib.contextmanager
def server(port, *command, log='server.log', env=None, ready=accepts):
    """A server that listens on a port for a while. ready: asked whether it does."""
    with open(r.path(log), 'wb') as out:
        child = subprocess.Popen([shutil.which(command[0], path=PATH), *command[1:]], cwd=r.dir,
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                 env=env and dict(os.environ, **env))
    try:
        wait_for(lambda: child.poll() is not None or ready(port), command[0], 20)
        assert child.poll() is None, text_of(log)
        yield child
    finally:
        child.terminate()
        child.wait(20)


def text_of(name):
    with open(r.path(name), errors='replace') as f:
        return f.read()


def request_file(name):
    """A request about this certificate, as a file; returns its path and octets."""
    path = r.path(name + '.req')
    run('openssl', 'ocsp', '-no_nonce', '-issuer', 'issuer.pem', '-cert', name + '.pem', '-reqout',
        path)
    with open(path, 'rb') as f:
        return path, f.read()


def answer_file(name):
    """The responder's answer as a file, for servers that want one; returns its path."""
    path = r.path(name + '.der')
    said = run('openssl', 'ocsp', '-url', URL, '-no_nonce', '-issuer', 'issuer.pem', '-cert',
               name + '.pem', '-CAfile', 'chain.pem', '-respout', path)
    tap.contains(said, 'Response verify OK')
    return path


# --- TLS

def tls_server(port, name, *options):
    return server(port, 'openssl', 's_server', '-accept', '127.0.0.1:%d' % port, '-cert',
                  name + '.pem', '-key', name + '.key', '-cert_chain', 'issuer.pem', '-www', '-quiet',
                  *options)


def staple(port, *options):
    """What a TLS server staples: 'good', 'revoked', or None."""
    for _ in range(10):     # some ask only when the first client has come
        said = run('openssl', 's_client', '-connect', '127.0.0.1:%d' % port, '-servername',
                   'localhost', '-status', '-CAfile', 'root.pem', *options)
        found = re.search('Cert Status: (.*)', said)
        if found:
            return found.group(1)
    return None


def accepted_by_curl(port):
    done = subprocess.run(['curl', '-sS', '--cert-status', '--cacert', r.path('root.pem'), '-o',
                           '/dev/null', '--resolve', 'localhost:%d:127.0.0.1' % port,
                           'https://localhost:%d/' % port], capture_output=True, timeout=SECONDS)
    return done.returncode == 0


def http_status_for(port, name):
    """What an HTTPS server answers to a client certificate; 0 if it refuses the handshake."""
    said = run('curl', '-sk', '--tls-max', '1.2', '--cert', name + '.pem', '--key', name + '.key',
               '-o', '/dev/null', '-w', '%{http_code}', 'https://127.0.0.1:%d/' % port)
    return int(said[-3:])
