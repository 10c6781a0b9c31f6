"""serving - servers that staple what the responder says, or check their clients' certificates."""
import base64
import os
import shutil
import time
import urllib.parse

import mariadb
import tap
from common import (HERE, SECONDS, URL, accepted_by_curl, answer_file, client, http_status_for, must_build, r,
                    request_file, run, server, staple, text_of, tls_server)
from responder import wait_for


@client('OpenSSL s_server, curl --cert-status', 'openssl', 'openssl', 'curl')
def s_server():
    """openssl s_server -status_url: curl --cert-status takes the good staple, and not the revoked"""
    for name in ('good', 'revoked'):
        port = mariadb.free_port()
        with tls_server(port, name, '-CAfile', 'chain.pem', '-status_url', URL, '-status_timeout',
                        '10'):
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


@client('nginx', 'nginx-light', 'nginx', 'openssl', 'curl')
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


@client('Apache', 'apache2-bin', 'apache2', 'openssl', 'curl')
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


@client('HAProxy', 'haproxy', 'haproxy', 'openssl', 'curl', needs='the answer as a file')
def haproxy():
    """HAProxy takes the answer as a file, looks at CertID and times, and staples it"""
    port = mariadb.free_port()
    r.write('haproxy.pem', text_of('good.chain') + text_of('good.key'))
    r.write('haproxy.pem.issuer', text_of('issuer.pem'))
    shutil.copy(answer_file('good'), r.path('haproxy.pem.ocsp'))
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


@client('stunnel', 'stunnel4', 'stunnel', 'python3', 'curl',
        needs='an answer about the intermediate too: `ocspresponse=`')
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


HITCH = '''
frontend = {{ host = "127.0.0.1" port = "{port}" }}
backend = "[127.0.0.1]:{behind}"
pem-file = "{dir}/hitch.pem"
ocsp-dir = "{dir}/hitch-ocsp"
ocsp-verify-staple = on
ocsp-refresh-interval = 1
workers = 1
daemon = off
user = "{user}"
group = "nogroup"
'''


@client('Hitch', 'hitch', 'hitch', 'python3', 'openssl', 'curl',
        needs='nothing; an answer that is faster than the start of its worker is stapled after its '
              'next start')
def hitch():
    """Hitch: asks the responder that the certificate names, verifies the answer and staples it"""
    if os.getuid() != 0:
        tap.skip('hitch needs root to change its user')
    ports = {'port': mariadb.free_port(), 'behind': mariadb.free_port()}
    r.folder('hitch-ocsp')
    r.folder('behind')
    r.write('hitch.pem', text_of('good.key') + text_of('good.chain') + text_of('root.pem'))
    r.write('hitch.conf', HITCH.format(dir=r.dir, user=r.account.pw_name, **ports))
    with server(ports['behind'], 'python3', '-m', 'http.server', '--bind', '127.0.0.1', '--directory',
                r.path('behind'), str(ports['behind']), log='behind.log'):
        hitch = ('hitch', '--config=' + r.path('hitch.conf'))
        with server(ports['port'], *hitch, log='hitch.log'):
            # it begins to ask when it has begun to listen
            wait_for(lambda: os.listdir(r.path('hitch-ocsp')), 'an answer')
            end = time.monotonic() + 5
            while not (stapled := staple(ports['port']) == 'good') and time.monotonic() < end:
                time.sleep(0.1)
            assert not stapled or accepted_by_curl(ports['port'])
        if not stapled:
            # Its worker looks for changes of that folder from its own start on: an answer that is
            # there before is taken when it is started the next time.
            with server(ports['port'], *hitch, log='hitch.log'):
                tap.equal(staple(ports['port']), 'good', text_of('hitch.log'))
                assert accepted_by_curl(ports['port'])


LIGHTTPD = '''
server.modules = ("mod_openssl")
server.document-root = "{dir}/htdocs"
index-file.names = ("index.html")
server.bind = "127.0.0.1"
server.port = {port}
ssl.engine = "enable"
ssl.pemfile = "{dir}/good.chain"
ssl.privkey = "{dir}/good.key"
ssl.stapling-file = "{dir}/good.der"
'''


@client('lighttpd', 'lighttpd lighttpd-mod-openssl', 'lighttpd', 'openssl', 'curl',
        '/usr/lib/lighttpd/mod_openssl.so',
        needs='the answer as a file')
def lighttpd():
    """lighttpd takes the answer as a file, and staples it"""
    port = mariadb.free_port()
    r.folder('htdocs')
    r.write('htdocs/index.html', 'ok', 0o644)
    answer_file('good')
    r.write('lighttpd.conf', LIGHTTPD.format(dir=r.dir, port=port))
    with server(port, 'lighttpd', '-D', '-f', r.path('lighttpd.conf')):
        tap.equal(staple(port), 'good')
        assert accepted_by_curl(port)


@client('GnuTLS server', 'gnutls-bin', 'gnutls-serv', 'openssl', 'curl', needs='the answer as a file')
def gnutls_serv():
    """gnutls-serv takes the answer as a file, and staples it"""
    port = mariadb.free_port()
    with server(port, 'gnutls-serv', '--http', '-p', str(port), '--x509certfile=good.chain',
                '--x509keyfile=good.key', '--ocsp-response=' + answer_file('good')):
        tap.equal(staple(port), 'good')
        assert accepted_by_curl(port)


CADDY = '''
{{
	admin off
	auto_https disable_redirects
	storage file_system {dir}/caddy
}}
https://localhost:{port} {{
	bind 127.0.0.1
	tls {dir}/good.chain {dir}/good.key
	respond ok
}}
'''


@client('Caddy', 'caddy', 'caddy', 'openssl', 'curl', slow=True)
def caddy():
    """Caddy: asks the responder that the certificate names, by itself, and staples the answer"""
    port = mariadb.free_port()
    shutil.rmtree(r.path('caddy'), ignore_errors=True)
    r.write('Caddyfile', CADDY.format(dir=r.dir, port=port))
    with server(port, 'caddy', 'run', '--adapter', 'caddyfile', '--config', r.path('Caddyfile'),
                env={'HOME': r.dir}):
        tap.equal(staple(port), 'good', text_of('server.log')[-2000:])
        assert accepted_by_curl(port)


@client('Node', 'nodejs', 'node', 'openssl', 'curl', slow=True, needs='the request, made by openssl')
def node():
    """Node: event OCSPRequest of an HTTPS server, answered by GET"""
    port = mariadb.free_port()
    path = urllib.parse.quote(base64.b64encode(request_file('good')[1]).decode(), safe='')
    with server(port, 'node', os.path.join(HERE, 'staple.js'), str(port), URL + path, 'good.key',
                'good.chain'):
        tap.equal(staple(port), 'good')
        assert accepted_by_curl(port)


@client('nghttpx', 'nghttp2-proxy', 'nghttpx', 'openssl', 'curl', 'python3',
        '/usr/share/nghttp2/fetch-ocsp-response', slow=True)
def nghttpx():
    """nghttpx: its script asks the responder that the certificate names, verified and stapled"""
    port, behind = mariadb.free_port(), mariadb.free_port()
    r.folder('behind')
    with server(behind, 'python3', '-m', 'http.server', '--bind', '127.0.0.1', '--directory',
                r.path('behind'), str(behind), log='behind.log'):
        with server(port, 'nghttpx', '--conf=/dev/null', '--frontend=127.0.0.1,%d' % port,
                    '--backend=127.0.0.1,%d' % behind, '--workers=1', '--errorlog-file=/dev/stderr',
                    '--fetch-ocsp-response-file=/usr/share/nghttp2/fetch-ocsp-response',
                    r.path('good.key'), r.path('good.chain'),
                    env={'SSL_CERT_FILE': r.path('root.pem')}):
            # it begins to ask when it has begun to listen
            end = time.monotonic() + 20
            while not (stapled := staple(port)) and time.monotonic() < end:
                time.sleep(0.1)
            tap.equal(stapled, 'good', text_of('server.log')[-2000:])
            assert accepted_by_curl(port)


@client('JDK server (Tomcat, Jetty)', 'default-jdk-headless', 'java', 'javac', 'openssl', 'curl',
        slow=True, needs='`-Djdk.tls.server.enableStatusRequestExtension=true`')
def java_server():
    """JDK: a TLS server asks the responder that its certificate names, and staples the answer"""
    must_build('javac', '-nowarn', '-d', r.dir, os.path.join(HERE, 'Serve.java'))
    for name in ('good', 'revoked'):
        port = mariadb.free_port()
        run('openssl', 'pkcs12', '-export', '-in', name + '.chain', '-inkey', name + '.key', '-out',
            name + '.p12', '-passout', 'pass:secret')
        with server(port, 'java', '-XX:TieredStopAtLevel=1', '-cp', r.dir,
                    '-Djava.net.preferIPv4Stack=true',
                    '-Djdk.tls.server.enableStatusRequestExtension=true', 'Serve', str(port),
                    name + '.p12', 'secret'):
            tap.equal(staple(port), name, text_of('server.log')[-2000:])
            tap.equal(accepted_by_curl(port), name == 'good')
