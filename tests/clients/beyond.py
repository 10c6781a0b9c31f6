"""beyond - servers of other protocols than HTTP: mail, FTP, and access to networks by RADIUS."""
import os
import shutil
import subprocess

import mariadb
import tap
from common import (PATH, SECONDS, answer_file, client, r, run, server, staple, takes_datagrams,
                    text_of)

EXIM = '''
primary_hostname = localhost
spool_directory = {dir}/exim
log_file_path = {dir}/exim/{role}-%slog
keep_environment =
tls_advertise_hosts = *
'''
EXIM_SERVER = EXIM + '''
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
pid_file_path = {dir}/exim/pid
tls_certificate = {dir}/{name}.chain
tls_privatekey = {dir}/{name}.key
tls_ocsp_file = {staple}
acl_smtp_rcpt = accept
begin routers
all:
  driver = redirect
  data = :blackhole:
'''
EXIM_CLIENT = EXIM + '''
begin routers
all:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = out
begin transports
out:
  driver = smtp
  port = {port}
  hosts_require_tls = *
  hosts_require_ocsp = *
  tls_verify_hosts = *
  tls_verify_certificates = {dir}/root.pem
  tls_verify_cert_hostnames = :
'''


def exim_file(name, text):
    """A configuration, which has to be root's."""
    path = r.write(name, text, 0o644)
    os.chown(path, 0, 0)
    return path


def sent_by_exim(port):
    """Does a letter go to a server there, with a good staple required?"""
    path = exim_file('exim-client.conf', EXIM_CLIENT.format(dir=r.dir, role='client', port=port))
    said = subprocess.run([shutil.which('exim4', path=PATH), '-C', path, '-v', '-odi', '-f', '<>',
                           'b@localhost'], input=b'Subject: x\n\nx\n',
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
    return b'=> b@localhost' in said.stdout


@client('Exim', 'exim4-daemon-light', 'exim4', 'openssl', slow=True,
        needs='the answer as a file; with a revoked one, it offers no TLS')
def exim():
    """Exim: a server staples the answer that it has as a file, a client requires one"""
    if os.getuid() != 0:
        tap.skip('exim4 needs root to have another configuration')
    r.folder('exim')
    os.chmod(r.path('exim'), 0o777)
    answers = {name: answer_file(name) for name in ('good', 'revoked')}
    for name, answer in (('good', answers['good']), ('revoked', answers['revoked']), ('good', '')):
        port = mariadb.free_port()
        path = exim_file('exim.conf', EXIM_SERVER.format(dir=r.dir, role='server', port=port,
                                                         name=name, staple=answer))
        with server(port, 'exim4', '-C', path, '-bdf'):
            good = answer == answers['good']
            tap.equal(sent_by_exim(port), good)
            if good:
                tap.equal(staple(port, '-starttls', 'smtp'), 'good')


PROFTPD = '''
ServerName test
ServerType standalone
DefaultAddress 127.0.0.1
Port {port}
UseIPv6 off
User {user}
Group nogroup
PidFile {dir}/proftpd.pid
ScoreboardFile {dir}/proftpd.scoreboard
DelayEngine off
WtmpLog off
ModulePath /usr/lib/proftpd
LoadModule mod_tls.c
TLSEngine on
TLSLog {dir}/proftpd.log
TLSRSACertificateFile {dir}/good.pem
TLSRSACertificateKeyFile {dir}/proftpd.key
TLSCertificateChainFile {dir}/issuer.pem
TLSCACertificateFile {dir}/chain.pem
TLSStapling on
'''


@client('ProFTPD', 'proftpd-core proftpd-mod-crypto', 'proftpd', 'openssl',
        '/usr/lib/proftpd/mod_tls.so', slow=True)
def proftpd():
    """ProFTPD: TLSStapling asks the responder that the certificate names"""
    if os.getuid() != 0:
        tap.skip('proftpd needs root to change its user')
    port = mariadb.free_port()
    shutil.copy(r.path('good.key'), r.path('proftpd.key'))
    os.chmod(r.path('proftpd.key'), 0o600)
    r.write('proftpd.conf', PROFTPD.format(dir=r.dir, port=port, user=r.account.pw_name))
    with server(port, 'proftpd', '-n', '-c', r.path('proftpd.conf')):
        tap.equal(staple(port, '-starttls', 'ftp'), 'good', text_of('proftpd.log')[-2000:])


SUPPLICANT = '''network={{
 key_mgmt=IEEE8021X
 eap=TLS
 identity="{name}"
 ca_cert="{dir}/root.pem"
 client_cert="{dir}/{name}.chain"
 private_key="{dir}/{name}.key"
 ocsp={ocsp}
}}
'''


def let_in(port, name, ocsp):
    """Does a RADIUS server there let wpa_supplicant in with this certificate? ocsp: 2 if that has
    to have a staple of the server, else 0."""
    r.write('supplicant.conf', SUPPLICANT.format(dir=r.dir, name=name, ocsp=ocsp), 0o644)
    said = run('eapol_test', '-c', r.path('supplicant.conf'), '-a', '127.0.0.1', '-p', str(port),
               '-s', 'secret', '-t', '20')
    return said.rstrip().endswith('SUCCESS')


FREERADIUS = '''
libdir = /usr/lib/freeradius
run_dir = {dir}/work
logdir = {dir}/work
pidfile = {dir}/work/radius.pid
client test {{
  ipaddr = 127.0.0.1
  secret = secret
}}
modules {{
  eap {{
    default_eap_type = tls
    tls-config it {{
      certificate_file = {dir}/good.chain
      private_key_file = {dir}/good.key
      ca_file = {dir}/chain.pem
      ocsp {{
        enable = yes
        override_cert_url = no
        use_nonce = yes
        timeout = 10
        softfail = no
      }}
    }}
    tls {{
      tls = it
    }}
  }}
}}
server default {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = {port}
  }}
  authorize {{
    eap
  }}
  authenticate {{
    eap
  }}
}}
'''


@client('FreeRADIUS', 'freeradius eapoltest', 'freeradius', 'eapol_test', send_cert=True,
        needs='`sendcert=yes`, or a delegated responder: 3.2 takes the signer from the answer '
              'alone')
def freeradius():
    """FreeRADIUS: asks with a nonce about the certificates of clients (EAP-TLS)"""
    port = mariadb.free_port()
    r.folder('raddb')
    r.write('raddb/radiusd.conf', FREERADIUS.format(dir=r.dir, port=port))
    with server(port, 'freeradius', '-f', '-l', 'stdout', '-xx', '-d', r.path('raddb'), '-n',
                       'radiusd', ready=takes_datagrams):
        for name, want in (('good', True), ('revoked', False), ('missing', False)):
            tap.equal(let_in(port, name, 0), want, text_of('server.log')[-3000:])


HOSTAPD = '''
driver=none
eap_server=1
eap_user_file={dir}/hostapd.users
ca_cert={dir}/chain.pem
server_cert={dir}/{name}.chain
private_key={dir}/{name}.key
radius_server_clients={dir}/hostapd.clients
radius_server_auth_port={port}
{staple}
'''


@client('hostapd, wpa_supplicant', 'hostapd eapoltest', 'hostapd', 'eapol_test',
        needs='the answer as a file; `ocsp=2` in the supplicant')
def hostapd():
    """hostapd takes the answer as a file and staples it; wpa_supplicant requires a good one"""
    r.write('hostapd.users', '* TLS\n')
    r.write('hostapd.clients', '127.0.0.1/32 secret\n')
    answers = {name: 'ocsp_stapling_response=' + answer_file(name) for name in ('good', 'revoked')}
    for name, answer in (('good', answers['good']), ('revoked', answers['revoked']), ('good', '')):
        port = mariadb.free_port()
        r.write('hostapd.conf', HOSTAPD.format(dir=r.dir, port=port, name=name, staple=answer))
        with server(port, 'hostapd', r.path('hostapd.conf'), ready=takes_datagrams):
            tap.equal(let_in(port, 'good', 2), answer == answers['good'], name)
