#!/usr/bin/python3
"""Other people's software asks, as Debian packages it: each finds a good certificate good, a revoked
one revoked, and one that isn't in the table neither.

"make check" runs what is installed; with OCSP_TEST_ALL=yes what is missing is named.
"""
import base64
import contextlib
import os
import re
import shutil
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp as pyca
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

import mariadb
import ocsp
import pki
import tap
from responder import LONG, Responder, accepts, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = mariadb.free_port()
URL = 'http://127.0.0.1:%d/' % PORT
SECONDS = 60
HASHES = ('sha1', 'sha256', 'sha384', 'sha512')
CLIENTS = []    # (name, function, arguments…) of each, once for a CA that signs itself

root = pki.make_root('Root', 'rsa')
r = Responder(ca=root.issue_ca('Intermediate', kind='rsa'), nonce='echo', ocspresponse='ca.ocsp',
              root='root.pem')


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
        entity = r.ca.issue(name, kind='rsa', extensions=[
            (x509.BasicConstraints(False, None), True), (names, False), (aia, False),
            (pki.key_usage('digital_signature', 'key_encipherment'), True), (usages, False)])
        r.write(name + '.pem', entity.pem(), 0o644)
        r.write(name + '.chain', entity.pem() + r.ca.pem(), 0o644)
        r.write(name + '.key', entity.key_pem(), 0o644)
        if name != 'missing':
            r.add(entity, **({} if name == 'good' else
                             {'status': 'Revoked', 'when': '2026-01-02 03:04:05',
                              'reason': 'key_compromise'}))
        yield name, entity


LEAVES = dict(write_fixture())
r.listen(port=PORT)


def client(*programs):
    """Decorator: a test that needs these programs. What is not installed is no test."""
    missing = [p for p in programs if not shutil.which(p, path=os.environ['PATH'] + ':/usr/sbin')]

    def register(function):
        if not missing:
            CLIENTS.append((function.__doc__, function))
        elif LONG:
            CLIENTS.append((function.__doc__, tap.skip, '%s is not installed' % ', '.join(missing)))
        return function
    return register


def run(*command, octets=b''):
    """Everything that a command prints, whatever its exit code is."""
    done = subprocess.run(command, input=octets, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          cwd=r.dir, timeout=SECONDS)
    return done.stdout.decode(errors='replace')


@contextlib.contextmanager
def server(port, *command, log='server.log'):
    """A server that listens on a port for a while."""
    path = os.environ['PATH'] + ':/usr/sbin'
    with open(r.path(log), 'wb') as out:
        child = subprocess.Popen([shutil.which(command[0], path=path), *command[1:]], cwd=r.dir,
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        wait_for(lambda: child.poll() is not None or accepts(port), command[0], 20)
        assert child.poll() is None, text_of(log)
        yield child
    finally:
        child.terminate()
        child.wait(20)


def text_of(name):
    with open(r.path(name), errors='replace') as f:
        return f.read()


def tls_server(port, name):
    return server(port, 'openssl', 's_server', '-accept', '127.0.0.1:%d' % port, '-cert',
                  name + '.pem', '-key', name + '.key', '-cert_chain', 'issuer.pem', '-www', '-quiet')


def staple(port):
    """What a TLS server staples: 'good', 'revoked', or None."""
    for _ in range(10):     # some ask only when the first client has come
        said = run('openssl', 's_client', '-connect', '127.0.0.1:%d' % port, '-servername',
                   'localhost', '-status', '-CAfile', 'root.pem')
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


def is_delegated():
    return 'issuer' in r.ocsp


# --- asking directly

@client('openssl')
def openssl():
    """openssl ocsp: each hash, with a nonce and without, several at once, signed"""
    ask = ['openssl', 'ocsp', '-url', URL, '-issuer', 'issuer.pem', '-CAfile', 'chain.pem']
    for algorithm in HASHES:
        for nonce in ([], ['-no_nonce']):
            said = run(*ask, *nonce, '-' + algorithm, '-cert', 'good.pem')
            tap.contains(said, 'Response verify OK')
            tap.contains(said, 'good.pem: good')
            assert 'WARNING' not in said, said
        said = run(*ask, '-' + algorithm, '-cert', 'revoked.pem')
        tap.contains(said, 'revoked.pem: revoked')
        tap.contains(said, 'Reason: keyCompromise')
        tap.contains(said, 'Jan  2 03:04:05 2026')
        tap.contains(run(*ask, '-' + algorithm, '-cert', 'missing.pem'), 'unauthorized (6)')
    said = run(*ask, '-cert', 'good.pem', '-cert', 'revoked.pem', '-status_age', '60')
    tap.contains(said, 'good.pem: good')
    tap.contains(said, 'revoked.pem: revoked')
    said = run(*ask, '-cert', 'good.pem', '-signer', 'good.pem', '-signkey', 'good.key')
    tap.contains(said, 'good.pem: good')
    said = run('openssl', 'ocsp', '-url', URL, '-issuer', 'root.pem', '-cert', 'issuer.pem', '-CAfile',
               'root.pem', '-no_nonce')
    tap.contains(said, 'issuer.pem: good', 'the intermediate')


@client('openssl', 'curl')
def curl_get():
    """curl with the request in the path: the answer verifies, and is cached by its headers"""
    run('openssl', 'ocsp', '-no_nonce', '-issuer', 'issuer.pem', '-cert', 'revoked.pem', '-reqout',
        'get.req')
    with open(r.path('get.req'), 'rb') as f:
        path = base64.b64encode(f.read()).decode()
    for url in (URL + path, URL + '/' + path, URL + urllib.request.quote(path, safe='')):
        head = run('curl', '-sS', '-D', '-', '-o', 'get.resp', url)
        tap.contains(head, 'HTTP/1.1 200')
        tap.contains(head, 'application/ocsp-response')
        said = run('openssl', 'ocsp', '-respin', 'get.resp', '-issuer', 'issuer.pem', '-cert',
                   'revoked.pem', '-CAfile', 'chain.pem', '-no_nonce')
        tap.contains(said, 'revoked.pem: revoked')


@client('ocsptool', 'gnutls-cli')
def gnutls():
    """GnuTLS: ocsptool with a nonce and without, gnutls-cli --ocsp"""
    for name, want in (('good', 'Certificate Status: good'), ('revoked', 'Certificate Status: revoked'),
                       ('missing', 'unauthorized')):
        for nonce in ('--nonce', '--no-nonce'):
            # it looks for a signer in the answer, or where it is told
            signer = '--load-trust=chain.pem' if is_delegated() else '--load-signer=issuer.pem'
            said = run('ocsptool', '--ask=' + URL, '--load-issuer=issuer.pem', signer,
                       '--load-cert=%s.pem' % name, nonce)
            tap.contains(said, want)
            if name != 'missing':
                tap.contains(said, 'Verifying OCSP Response: Success')
    for name, want in (('good', 'Handshake was completed'), ('revoked', 'revoked')):
        port = mariadb.free_port()
        with tls_server(port, name):
            said = run('gnutls-cli', '--ocsp', '--x509cafile=root.pem', '-p', str(port), 'localhost')
            tap.contains(said, want)


@client('python3')
def python():
    """python3-cryptography: its own requests, answers read and written again octet by octet"""
    for name, want in (('good', 'GOOD'), ('revoked', 'REVOKED')):
        for algorithm in (hashes.SHA1(), hashes.SHA256()):
            for nonce in (None, os.urandom(32)):
                builder = pyca.OCSPRequestBuilder().add_certificate(
                    LEAVES[name].certificate, r.ca.certificate, algorithm)
                if nonce:
                    builder = builder.add_extension(x509.OCSPNonce(nonce), False)
                asked = builder.build().public_bytes(serialization.Encoding.DER)
                reply = urllib.request.urlopen(urllib.request.Request(
                    URL, asked, {'Content-Type': 'application/ocsp-request'}), timeout=SECONDS)
                octets = reply.read()
                answer = pyca.load_der_ocsp_response(octets)
                tap.equal(answer.certificate_status.name, want)
                tap.equal(answer.hash_algorithm.name, algorithm.name)
                tap.equal(answer.public_bytes(serialization.Encoding.DER), octets)
                tap.equal([e.value.nonce for e in answer.extensions], [nonce] if nonce else [])
                tap.equal(ocsp.Response(octets).faults(r.ca.certificate, None, nonce), [])


@client('java', 'javac')
def java():
    """JDK: PKIX validation by GET and POST, with nonces of 16, 32 and 100 octets"""
    run('javac', '-nowarn', '-d', r.dir, os.path.join(HERE, 'clients', 'Check.java'))
    jdk = ['java', '-XX:TieredStopAtLevel=1', '-cp', r.dir]
    for name, nonces, want in (('good', (0, 16, 32, 100), 'good\n'),
                               ('revoked', (0, 32), 'refused: revoked KEY_COMPROMISE\n'),
                               ('missing', (0,), 'refused: ')):
        for nonce in nonces:
            for option in ['-Da=b'] if nonce else ['-Da=b', '-Dcom.sun.security.ocsp.useget=false',
                                                   '-Djdk.security.certpath.ocspNonce=true']:
                said = run(*jdk, option, 'Check', URL, 'root.pem', 'issuer.pem', name + '.pem',
                           str(nonce))
                assert said.startswith(want) and 'REVOKED' not in said, '%s %s' % (name, said)


@client('ruby')
def ruby():
    """Ruby OpenSSL::OCSP: verify, check_nonce, check_validity"""
    for name, want in (('good', 'good\n'), ('revoked', 'revoked(1)\n'), ('missing', 'unauthorized\n')):
        for algorithm in ('SHA1', 'SHA256'):
            said = run('ruby', os.path.join(HERE, 'clients', 'check.rb'), URL, 'root.pem',
                       'issuer.pem', name + '.pem', algorithm)
            tap.equal(said.lower(), want)


@client('perl', 'openssl')
def perl():
    """Perl IO::Socket::SSL: asks the responder that the server's certificate names"""
    if subprocess.run(['perl', '-MIO::Socket::SSL', '-e', '1'], capture_output=True).returncode:
        tap.skip('libio-socket-ssl-perl is not installed')
    for name, want in (('good', 'good'), ('revoked', 'refused: .*revoked'), ('missing', 'refused|soft')):
        port = mariadb.free_port()
        with tls_server(port, name):
            said = run('perl', os.path.join(HERE, 'clients', 'check.pl'), str(port), 'root.pem')
            assert re.match(want, said), '%s: %s' % (name, said)


@client('vfychain', 'certutil')
def nss():
    """NSS: vfychain, with an answer required"""
    database = r.path('nss-delegated' if is_delegated() else 'nss')
    os.makedirs(database)
    run('certutil', '-N', '-d', database, '--empty-password')
    for name, trust in (('root', 'CT,C,C'), ('issuer', ',,'), ('good', ',,'), ('revoked', ',,')):
        run('certutil', '-A', '-d', database, '-n', name, '-t', trust, '-i', name + '.pem')
    for name, want in (('good', 'Chain is good'), ('revoked', 'has been revoked')):
        said = run('vfychain', '-d', database, '-pp', '-g', 'leaf', '-m', 'ocsp', '-s', 'requireInfo',
                   '-u', '1', name)
        tap.contains(said, want, name)


@client('pki')
def strongswan():
    """strongSwan: pki --verify --online"""
    for name, want in (('good', 'status is good'), ('revoked', 'revoked')):
        said = run('pki', '--verify', '--online', '--debug', '2', '--in', name + '.pem', '--cacert',
                   'root.pem', '--cacert', 'issuer.pem')
        if 'no capable fetcher' in said:
            tap.skip('its curl plugin is not installed')
        tap.contains(said, want)


# --- servers that staple, and servers that check their clients

@client('openssl', 'curl')
def s_server():
    """openssl s_server -status_url: curl --cert-status takes the good staple, and not the revoked"""
    for name in ('good', 'revoked'):
        port = mariadb.free_port()
        with server(port, 'openssl', 's_server', '-accept', '127.0.0.1:%d' % port, '-cert',
                    name + '.pem', '-key', name + '.key', '-cert_chain', 'issuer.pem', '-CAfile',
                    'chain.pem', '-www', '-quiet', '-status_url', URL, '-status_timeout', '10'):
            tap.equal(staple(port), name)
            tap.equal(accepted_by_curl(port), name == 'good')


NGINX = '''
daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/nginx.log info; events {{}}
http {{
  access_log off; client_body_temp_path {dir}/work; proxy_temp_path {dir}/work;
  fastcgi_temp_path {dir}/work; uwsgi_temp_path {dir}/work; scgi_temp_path {dir}/work;
  ssl_trusted_certificate {dir}/chain.pem; ssl_stapling on; ssl_stapling_verify on;
  ssl_stapling_responder {url};
  server {{ listen 127.0.0.1:{staple} ssl; ssl_certificate {dir}/good.chain;
           ssl_certificate_key {dir}/good.key; location / {{ return 200 ok; }} }}
  server {{ listen 127.0.0.1:{check} ssl; ssl_certificate {dir}/good.chain;
           ssl_certificate_key {dir}/good.key; ssl_verify_client on; ssl_verify_depth 3;
           ssl_client_certificate {dir}/chain.pem; ssl_ocsp leaf; ssl_ocsp_responder {url};
           location / {{ return 200 ok; }} }}
}}
'''


@client('nginx', 'openssl', 'curl')
def nginx():
    """nginx: ssl_stapling with ssl_stapling_verify, and ssl_ocsp for client certificates (GET)"""
    ports = {'staple': mariadb.free_port(), 'check': mariadb.free_port()}
    r.write('nginx.conf', NGINX.format(dir=r.dir, url=URL, **ports))
    with server(ports['staple'], 'nginx', '-c', r.path('nginx.conf')):
        tap.equal(staple(ports['staple']), 'good', text_of('nginx.log'))
        assert accepted_by_curl(ports['staple'])
        for name, want in (('good', 200), ('revoked', 400), ('missing', 400)):
            tap.equal(http_status_for(ports['check'], name), want, text_of('nginx.log')[-500:])


APACHE = '''
ServerRoot {dir}
ServerName localhost
PidFile {dir}/apache.pid
DefaultRuntimeDir {dir}/work
Mutex file:{dir}/work default
ErrorLog {dir}/apache.log
LogLevel ssl:info
User {user}
Group {group}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule socache_shmcb_module {modules}/mod_socache_shmcb.so
LoadModule ssl_module {modules}/mod_ssl.so
LoadModule dir_module {modules}/mod_dir.so
DocumentRoot {dir}/htdocs
SSLUseStapling on
SSLStaplingCache shmcb:{dir}/work/stapling(128000)
SSLSessionCache none
SSLStaplingForceURL {url}
Listen 127.0.0.1:{staple}
<VirtualHost 127.0.0.1:{staple}>
SSLEngine on
SSLCertificateFile {dir}/good.chain
SSLCertificateKeyFile {dir}/good.key
</VirtualHost>
Listen 127.0.0.1:{check}
<VirtualHost 127.0.0.1:{check}>
SSLEngine on
SSLCertificateFile {dir}/good.chain
SSLCertificateKeyFile {dir}/good.key
SSLVerifyClient require
SSLVerifyDepth 3
SSLCACertificateFile {dir}/chain.pem
SSLOCSPEnable leaf
SSLOCSPDefaultResponder {url}
SSLOCSPOverrideResponder on
SSLOCSPResponderCertificateFile {dir}/issuer.pem
</VirtualHost>
'''


@client('apache2', 'openssl', 'curl')
def apache():
    """Apache: SSLUseStapling, and SSLOCSPEnable with a nonce for client certificates (POST)"""
    ports = {'staple': mariadb.free_port(), 'check': mariadb.free_port()}
    r.folder('htdocs')
    r.write('htdocs/index.html', 'ok', 0o644)
    account = r.account
    r.write('apache.conf', APACHE.format(
        dir=r.dir, url=URL, modules='/usr/lib/apache2/modules', user=account.pw_name,
        group='nogroup' if account.pw_name == 'nobody' else '#%d' % account.pw_gid, **ports))
    with server(ports['staple'], 'apache2', '-f', r.path('apache.conf'), '-DFOREGROUND'):
        tap.equal(staple(ports['staple']), 'good')
        assert accepted_by_curl(ports['staple'])
        for name, want in (('good', 200), ('revoked', 0), ('missing', 0)):
            tap.equal(http_status_for(ports['check'], name), want, text_of('apache.log')[-500:])


HAPROXY = '''
defaults
 mode http
 timeout connect 5s
 timeout client 5s
 timeout server 5s
frontend a
 bind 127.0.0.1:%d ssl crt %s
 http-request return status 200
'''


@client('haproxy', 'openssl', 'curl')
def haproxy():
    """HAProxy takes the answer as a file, looks at CertID and times, and staples it"""
    port = mariadb.free_port()
    r.write('haproxy.pem', text_of('good.chain') + text_of('good.key'))
    r.write('haproxy.pem.issuer', text_of('issuer.pem'))
    run('openssl', 'ocsp', '-url', URL, '-no_nonce', '-issuer', 'issuer.pem', '-cert', 'good.pem',
        '-CAfile', 'chain.pem', '-respout', 'haproxy.pem.ocsp')
    r.write('haproxy.cfg', HAPROXY % (port, r.path('haproxy.pem')))
    with server(port, 'haproxy', '-db', '-f', r.path('haproxy.cfg')):
        tap.equal(staple(port), 'good')
        assert accepted_by_curl(port)


STUNNEL = '''foreground=yes
pid=
debug=6
syslog=no
[check]
accept=127.0.0.1:{check}
connect=127.0.0.1:{behind}
cert={dir}/good.chain
key={dir}/good.key
CAfile={dir}/chain.pem
verifyChain=yes
OCSPaia=yes
OCSPnonce=yes
sslVersionMin=TLSv1.2
'''


@client('stunnel', 'python3', 'curl')
def stunnel():
    """stunnel: OCSPaia with a nonce, for the certificates of clients"""
    ports = {'check': mariadb.free_port(), 'behind': mariadb.free_port()}
    r.write('stunnel.conf', STUNNEL.format(dir=r.dir, **ports))
    r.folder('behind')
    with server(ports['behind'], 'python3', '-m', 'http.server', '--bind', '127.0.0.1', '--directory',
                r.path('behind'), str(ports['behind']), log='behind.log'):
        with server(ports['check'], 'stunnel', r.path('stunnel.conf'), log='stunnel.log'):
            for name, want in (('good', 200), ('revoked', 0), ('missing', 0)):
                tap.equal(http_status_for(ports['check'], name), want, text_of('stunnel.log')[-900:])


def delegate():
    """From here on a delegated responder signs; everybody is asked again."""
    entity = r.ca.issue_responder(kind='rsa')
    r.write('responder.pem', entity.pem())
    r.write('responder.key', entity.key_pem())
    r.configure(cert='responder.pem', pkey='responder.key', issuer='issuer.pem')
    r.clear_cache()
    tap.equal(len(r.ask_about(LEAVES['good']).certs), 1)


for test in CLIENTS:
    tap.add(*test)
tap.add('a delegated responder signs from here on (L-7)', delegate)
for name, *test in CLIENTS:
    tap.add(name + ' (delegated)', *test)

tap.run(r.close)
