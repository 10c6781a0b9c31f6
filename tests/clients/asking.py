"""asking - clients that ask a responder themselves."""
import base64
import os
import re
import shutil
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp as pyca

import mariadb
import ocsp
import tap
from common import (HASHES, HERE, LEAVES, SECONDS, URL, client, is_delegated, must_build, r,
                    request_file, run, tls_server)

GO_PATH = '/usr/share/gocode'
JARS = ['/usr/share/java/bc%s.jar' % n for n in ('pkix', 'prov', 'util')]


@client('OpenSSL', 'openssl', 'openssl')
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


@client('curl', 'curl', 'openssl', 'curl', needs='the request, made by openssl')
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


@client('GnuTLS', 'gnutls-bin', 'ocsptool', 'gnutls-cli',
        needs='where the CA signs itself, `ocsptool --load-signer` with it: the answer has no '
              'certificate then')
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


@client('Python cryptography', 'python3-cryptography', 'python3')
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


@client('JDK', 'default-jdk-headless', 'java', 'javac')
def java():
    """JDK: PKIX validation by GET and POST, with nonces of 16, 32 and 100 octets"""
    run('javac', '-nowarn', '-d', r.dir, os.path.join(HERE, 'Check.java'))
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


@client('Ruby', 'ruby', 'ruby')
def ruby():
    """Ruby OpenSSL::OCSP: verify, check_nonce, check_validity"""
    for name, want in (('good', 'good\n'), ('revoked', 'revoked(1)\n'), ('missing', 'unauthorized\n')):
        for algorithm in ('SHA1', 'SHA256'):
            said = run('ruby', os.path.join(HERE, 'check.rb'), URL, 'root.pem',
                       'issuer.pem', name + '.pem', algorithm)
            tap.equal(said.lower(), want)


@client('Perl IO::Socket::SSL', 'libio-socket-ssl-perl', 'perl', 'openssl',
        '/usr/share/perl5/IO/Socket/SSL.pm')
def perl():
    """Perl IO::Socket::SSL: asks the responder that the server's certificate names"""
    for name, want in (('good', 'good'), ('revoked', 'refused: .*revoked'), ('missing', 'refused|soft')):
        port = mariadb.free_port()
        with tls_server(port, name):
            said = run('perl', os.path.join(HERE, 'check.pl'), str(port), 'root.pem')
            assert re.match(want, said), '%s: %s' % (name, said)


@client('NSS', 'libnss3-tools', 'vfychain', 'certutil')
def nss():
    """NSS: vfychain, with an answer required"""
    database = r.path('nss')
    shutil.rmtree(database, ignore_errors=True)
    os.makedirs(database)
    run('certutil', '-N', '-d', database, '--empty-password')
    for name, trust in (('root', 'CT,C,C'), ('issuer', ',,'), ('good', ',,'), ('revoked', ',,')):
        run('certutil', '-A', '-d', database, '-n', name, '-t', trust, '-i', name + '.pem')
    for name, want in (('good', 'Chain is good'), ('revoked', 'has been revoked')):
        said = run('vfychain', '-d', database, '-pp', '-g', 'leaf', '-m', 'ocsp', '-s', 'requireInfo',
                   '-u', '1', name)
        tap.contains(said, want, name)


@client('strongSwan', 'strongswan-pki libstrongswan-extra-plugins', 'pki')
def strongswan():
    """strongSwan: pki --verify --online"""
    for name, want in (('good', 'status is good'), ('revoked', 'revoked')):
        said = run('pki', '--verify', '--online', '--debug', '2', '--in', name + '.pem', '--cacert',
                   'root.pem', '--cacert', 'issuer.pem')
        if 'no capable fetcher' in said:
            tap.skip('its curl plugin is not installed')
        tap.contains(said, want)


@client('Go', 'golang-go golang-golang-x-crypto-dev', 'go', GO_PATH + '/src/golang.org/x/crypto/ocsp',
        slow=True)
def go():
    """Go x/crypto/ocsp: each hash, by POST and GET"""
    must_build('go', 'build', '-o', r.path('check-go'), os.path.join(HERE, 'check.go'),
               env={'GO111MODULE': 'off', 'GOPATH': GO_PATH, 'GOCACHE': r.path('go-cache')})
    for name, want in (('good', 'good\n'), ('revoked', 'revoked 1\n'),
                       ('missing', 'refused: ocsp: error from server: unauthorized\n')):
        for algorithm in HASHES:
            for method in ('POST', 'GET'):
                tap.equal(run(r.path('check-go'), URL, 'issuer.pem', name + '.pem', algorithm, method),
                          want, '%s %s' % (algorithm, method))


@client('Bouncy Castle', 'libbcpkix-java default-jdk-headless', 'java', 'javac', *JARS, slow=True,
        needs='its SHA-256 CertID, without parameters, in the answer as it was asked')
def bouncy_castle():
    """Bouncy Castle: SHA-1, and SHA-256 without parameters, with a nonce"""
    path = ':'.join([r.dir, *JARS])
    must_build('javac', '-nowarn', '-cp', path, '-d', r.dir, os.path.join(HERE, 'Bouncy.java'))
    for name, want in (('good', 'good\n'), ('revoked', 'revoked 1\n'),
                       ('missing', 'refused: status 6\n')):
        for algorithm in ('sha1', 'sha256'):
            tap.equal(run('java', '-XX:TieredStopAtLevel=1', '-cp', path, 'Bouncy', URL, 'issuer.pem',
                          name + '.pem', algorithm), want, algorithm)


@client('Erlang', 'erlang-base erlang-public-key erlang-inets', 'escript', 'openssl', slow=True,
        send_cert=True,
        needs='`sendcert=yes`, or a delegated responder: OTP 25 fails at an answer without '
              'certificates')
def erlang():
    """Erlang public_key:pkix_ocsp_validate"""
    for name, want in (('good', '^valid$'), ('revoked', '{bad_cert.*revoked'),
                       ('missing', '{bad_cert.*|.*unauthorized')):
        path, _ = request_file(name)
        said = run('escript', os.path.join(HERE, 'check.erl'), URL, path, 'issuer.pem', name + '.pem')
        assert re.match(want, said), '%s: %s' % (name, said)


@client('Botan', 'botan', 'botan')
def botan():
    """Botan: ocsp_check, whose requests spell out version 1"""
    for name, want in (('good', 'ocsp check ok'), ('revoked', 'revoked'), ('missing', 'check failed')):
        said = run('botan', 'ocsp_check', name + '.pem', 'issuer.pem')
        tap.contains(said.lower(), want, name)


@client('wolfSSL', 'libwolfssl-dev gcc', 'gcc', 'openssl', '/usr/include/wolfssl/ssl.h', slow=True,
        needs='`wolfSSL_CertManagerCheckOCSP`: its TLS client asks with an issuerKeyHash of zeros')
def wolfssl():
    """wolfSSL: CertManagerCheckOCSP, with a nonce"""
    must_build('gcc', '-o', r.path('wolf'), os.path.join(HERE, 'wolf.c'), '-lwolfssl')
    for name, want in (('good', 'good\n'), ('revoked', 'refused: OCSP Cert revoked\n'),
                       ('missing', 'refused: OCSP Responder lookup fail\n')):
        run('openssl', 'x509', '-in', name + '.pem', '-outform', 'der', '-out', name + '.crt')
        tap.equal(run(r.path('wolf'), 'root.pem', 'issuer.pem', name + '.crt'), want)


DIRMNGR = '''allow-ocsp
disable-ldap
ignore-ocsp-service-url
ocsp-responder {url}
ocsp-signer {signer}
'''


@client('GnuPG dirmngr', 'dirmngr gpgconf', 'dirmngr', 'dirmngr-client', 'gpgconf',
        needs='`ocsp-responder` and one `ocsp-signer` in dirmngr.conf, and that certificate made '
              'known to it: by the hash of a key in an answer it finds none')
def dirmngr():
    """GnuPG: dirmngr with allow-ocsp, which gpgsm asks, by dirmngr-client"""
    signer = 'responder.pem' if is_delegated() else 'issuer.pem'
    home = r.path('gnupg')
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home, 0o700)
    printed = run('openssl', 'x509', '-noout', '-fingerprint', '-sha1', '-in', signer)
    fingerprint = printed.split('=')[1].strip().replace(':', '')
    r.write('gnupg/dirmngr.conf', DIRMNGR.format(url=URL, signer=fingerprint))
    env = {'GNUPGHOME': home}
    try:
        for name in ('issuer.pem', signer):
            run('dirmngr-client', '--cache-cert', '--pem', name, env=env)
        for name, want in (('good', 'certificate is valid'), ('revoked', 'has been revoked'),
                           ('missing', 'check failed')):
            said = run('dirmngr-client', '--ocsp', '--pem', name + '.pem', env=env)
            tap.contains(said, want, name)
    finally:
        run('gpgconf', '--kill', 'all', env=env)
        run('gpgconf', '--remove-socketdir', env=env)


def lay_out_lineage(folder, name):
    """A certificate as certbot keeps it."""
    archive, live = ('%s/%s/%s' % (folder, kind, name) for kind in ('archive', 'live'))
    lines = ['version = 2.1.0', 'archive_dir = ' + r.path(archive)]
    r.folder(archive)
    r.folder(live)
    for part, source in (('cert', '.pem'), ('privkey', '.key'), ('fullchain', '.chain'), ('chain', None)):
        shutil.copy(r.path(name + source if source else 'issuer.pem'),
                    r.path(archive, part + '1.pem'))
        link = r.path(live, part + '.pem')
        os.symlink(r.path(archive, part + '1.pem'), link)
        lines.append('%s = %s' % (part, link))
    r.folder(folder, 'renewal')
    r.write('%s/renewal/%s.conf' % (folder, name), '\n'.join(lines) + '\n[renewalparams]\n')


@client('Certbot', 'certbot', 'certbot', slow=True,
        needs='nothing; it lists a certificate without an answer as valid, and tells of it')
def certbot():
    """Certbot: "certbot certificates" asks about each certificate that it keeps"""
    shutil.rmtree(r.path('certbot'), ignore_errors=True)
    for name in ('good', 'revoked', 'missing'):
        lay_out_lineage('certbot', name)
    said = run('certbot', 'certificates', '--config-dir', r.path('certbot'), '--work-dir',
               r.path('certbot', 'work'), '--logs-dir', r.path('certbot', 'log'))
    for name, want in (('good', 'VALID: '), ('revoked', 'INVALID: REVOKED'), ('missing', 'VALID: ')):
        status = re.search(r'Certificate Name: %s\n(?: .*\n)*? +Expiry Date: .*\((.*)\)' % name, said)
        assert status and status.group(1).startswith(want), '%s: %s' % (name, said)
    # what has no answer is taken for valid, with a word about it
    tap.equal(re.findall(r'Invalid OCSP response status for .*/(\w+)/cert.pem: .*UNAUTHORIZED', said),
              ['missing'], said)


@client('wget2', 'wget2', 'wget2', 'openssl',
        needs='a server that staples: 1.99.1 itself asks about CA certificates alone')
def wget2():
    """wget2: takes the good staple, and not the revoked"""
    for name, want in (('good', 'Server certificate is valid regarding OCSP stapling'),
                       ('revoked', 'The certificate chain is revoked')):
        port = mariadb.free_port()
        with tls_server(port, name, '-CAfile', 'chain.pem', '-status_url', URL):
            said = run('wget2', '--debug', '--no-ocsp', '--ca-certificate=root.pem',
                       '-O', '/dev/null', 'https://localhost:%d/' % port, env={'HOME': r.dir})
            tap.contains(said, want, name)
            tap.equal('HTTP response 200' in said, name == 'good')
