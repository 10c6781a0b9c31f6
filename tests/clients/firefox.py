"""firefox - Firefox without a screen, told by Marionette, its own protocol for tests."""
import json
import os
import shutil
import socket
import subprocess

import mariadb
import tap
from common import SECONDS, client, r, run, text_of, tls_server
from responder import accepts, wait_for

# An answer is asked for and required, from a responder and not from a server's staple; the rest is
# for a machine without a network.
PREFERENCES = {
    'security.OCSP.enabled': 1, 'security.OCSP.require': True,
    'security.OCSP.timeoutMilliseconds.hard': 20000, 'security.OCSP.timeoutMilliseconds.soft': 20000,
    'security.ssl.enable_ocsp_stapling': False, 'security.pki.crlite_mode': 0,
    'security.remote_settings.crlite_filters.enabled': False,
    'network.proxy.type': 0, 'network.trr.mode': 5, 'network.captive-portal-service.enabled': False,
    'network.connectivity-service.enabled': False, 'services.settings.server': 'data:,',
    'app.normandy.enabled': False, 'app.update.enabled': False, 'extensions.update.enabled': False,
    'toolkit.telemetry.enabled': False, 'datareporting.policy.dataSubmissionEnabled': False,
    'browser.safebrowsing.malware.enabled': False, 'browser.safebrowsing.phishing.enabled': False,
    'browser.shell.checkDefaultBrowser': False, 'browser.aboutwelcome.enabled': False,
    'browser.startup.page': 0, 'startup.homepage_welcome_url': '',
}
# What stands on the page: of the TLS server, or of the browser about its certificate.
WHY = '''const page = document;
if (page.documentURI.startsWith("about:certerror"))
    return page.getFailedCertSecurityInfo().errorCodeString;
if (page.documentURI.startsWith("about:neterror"))
    return page.getNetErrorInfo().errorCodeString;
return page.body.textContent.slice(0, 200);'''


class Marionette:
    """Messages are "LENGTH:JSON": [0, number, command, parameters] there, [1, number, error, result]
    back."""

    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=SECONDS)
        self.stream, self.number = self.socket.makefile('rb'), 0
        self.receive()

    def receive(self):
        digits = b''
        while not digits.endswith(b':'):
            octet = self.stream.read(1)
            assert octet, 'the browser has hung up'
            digits += octet
        return json.loads(self.stream.read(int(digits[:-1])))

    def tell(self, command, **parameters):
        self.number += 1
        message = json.dumps([0, self.number, command, parameters]).encode()
        self.socket.sendall(b'%d:%s' % (len(message), message))
        return self.receive()[2:]

    def visit(self, url):
        self.tell('WebDriver:Navigate', url=url)    # an error, if what it has then is an error page
        error, result = self.tell('WebDriver:ExecuteScript', script=WHY, args=[])
        assert not error, error
        return result['value']

    def close(self):
        self.tell('Marionette:Quit', flags=['eForceQuit'])
        self.socket.close()


def make_profile(port):
    profile = r.path('firefox')
    shutil.rmtree(profile, ignore_errors=True)
    os.makedirs(profile)
    with open(os.path.join(profile, 'user.js'), 'w') as f:
        for key, value in dict(PREFERENCES, **{'marionette.port': port}).items():
            f.write('user_pref(%s, %s);\n' % (json.dumps(key), json.dumps(value)))
    run('certutil', '-N', '-d', 'sql:' + profile, '--empty-password')
    run('certutil', '-A', '-d', 'sql:' + profile, '-n', 'root', '-t', 'CT,,', '-i', 'root.pem')
    return profile


def ask(port):
    """What it has to say about each certificate."""
    said, browser = {}, Marionette(port)
    error, _ = browser.tell('WebDriver:NewSession')
    assert not error, error
    for name in ('good', 'revoked', 'missing'):
        server = mariadb.free_port()
        with tls_server(server, name):
            said[name] = browser.visit('https://localhost:%d/' % server)
    browser.close()
    return said


@client('Firefox', 'firefox-esr libnss3-tools', 'firefox-esr', 'certutil', 'openssl', slow=True,
        needs='`security.OCSP.require` in about:config; without it, no answer is as good as a good one')
def firefox():
    """Firefox: asks the responder that the server's certificate names, with an answer required"""
    port = mariadb.free_port()
    profile = make_profile(port)
    with open(r.path('firefox.log'), 'wb') as out:
        child = subprocess.Popen(
            ['firefox-esr', '--headless', '--no-remote', '--marionette', '--profile', profile,
             'about:blank'], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=profile,
            env=dict(os.environ, HOME=profile, MOZ_HEADLESS='1', MOZ_CRASHREPORTER_DISABLE='1'))
    try:
        wait_for(lambda: child.poll() is not None or accepts(port), 'Firefox', SECONDS)
        assert child.poll() is None, text_of('firefox.log')[-2000:]
        said = ask(port)
        child.wait(SECONDS)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait(20)
    tap.contains(said['good'], 's_server')
    tap.equal(said['revoked'], 'SEC_ERROR_REVOKED_CERTIFICATE')
    tap.equal(said['missing'], 'SEC_ERROR_OCSP_UNAUTHORIZED_REQUEST')
