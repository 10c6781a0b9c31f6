#!/usr/bin/python3
"""RFC 9919's appendix: its CA, end-entity and responder certificates, its request and its response.

The RFC's text isn't a part of this project. RFC9919_TEXT names a copy of it, such as
https://www.rfc-editor.org/rfc/rfc9919.txt has, from which the examples are taken; without one, what
needs them is skipped. The predecessor's own sample is looked at by tests/answers.py and
tests/unit/test-basic.c.
"""
import base64
import binascii
import glob
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

from cryptography import x509

import der
import ocsp
import tap
from responder import Responder

TEXT = os.environ.get('RFC9919_TEXT')
FAKETIME = sorted(glob.glob('/usr/lib/*/faketime/libfaketime.so.1'))


def blocks(text):
    """Every run of base64 lines, decoded, in its order; what is none is left out."""
    for run in re.findall(r'(?:^[ \t]*[A-Za-z0-9+/]{2,}={0,2}[ \t]*\n)+', text, re.M):
        try:
            octets = base64.b64decode(''.join(run.split()), validate=True)
            der.parse(octets)
            yield octets
        except (binascii.Error, der.DERError):
            pass


class Vectors:
    def __init__(self, text):
        self.certificates, self.request, self.response = [], None, None
        for octets in blocks(text):
            first = der.parse(octets)[0]
            if first.tag == 0x0a:
                self.response = octets
            elif len(first) == 1:
                self.request = octets
            else:
                self.certificates.append(x509.load_der_x509_certificate(octets))
        self.ca, self.leaf, self.responder = self.certificates


def vectors():
    with open(TEXT) as f:
        return Vectors(f.read())


def pem(certificate):
    return certificate.public_bytes(ocsp.serialization.Encoding.PEM)


@tap.test("the examples' request is what this suite writes for their certificate")
def request():
    v = vectors()
    ids = ocsp.certid(v.ca, v.leaf.serial_number, 'sha256')
    tap.equal(ocsp.request(ids).hex(), v.request.hex())


@tap.test("the examples' response: its shape is ours, its signature and its certificate verify")
def response():
    v = vectors()
    read = ocsp.Response(v.response)
    tap.equal((str(read), read.by, len(read.certs)), ('good', 'key', 1))
    tap.equal(read.certs, [v.responder])
    now = read.singles[0].this_update + 3600
    faults = read.faults(v.ca, ocsp.read_request(v.request)[0], now=now)
    # thisUpdate is a day after producedAt in a draft's examples
    tap.equal([f for f in faults if 'O-24' not in f], [])


def asked(v, request, **options):
    """What ocsp-sign says to a request, and its log: with the examples' CA, and no key of it."""
    with Responder() as r:
        r.write('ca9919.pem', pem(v.ca))
        r.write('canned.der', options.pop('canned', b''))
        r.cas['rfc'] = {'cert': 'ca9919.pem', 'pkey': 'ca.key', 'root': 'ca9919.pem'}
        if os.path.getsize(r.path('canned.der')):
            r.cas['rfc']['ocspresponse'] = 'canned.der'
        r.configure()
        r.insert(hex(v.leaf.serial_number), certificate=pem(v.leaf))
        done = r.run('ocsp-sign', octets=request, **options)
        return done.stdout, r.log()


@tap.test("the examples' CertID is recognised, its row verified under the CA's P-521 key, and then "
          'nothing is signed: the CA has ended')
def recognised():
    v = vectors()
    answer, log = asked(v, v.request)
    tap.equal(ocsp.Response(answer).status, 'internalError')
    tap.contains(log, 'expired on')
    stranger = ocsp.request(ocsp.certid(v.responder, v.leaf.serial_number, 'sha256'))
    tap.equal(ocsp.Response(asked(v, stranger)[0]).status, 'unauthorized')


@tap.test("the examples' response as ocspresponse=: read, and refused as expired")
def canned():
    v = vectors()
    answer, log = asked(v, v.request, canned=v.response)
    tap.equal(ocsp.Response(answer).status, 'tryLater')
    tap.contains(log, 'was valid until')


@tap.test("the examples' response in its own time: verified and sent octet by octet")
def in_its_time():
    v = vectors()
    if not FAKETIME:
        tap.skip('libfaketime is not there')
    then = ocsp.Response(v.response).singles[0].this_update + 3600
    env = {'LD_PRELOAD': FAKETIME[0], 'TZ': 'UTC', 'FAKETIME_DONT_FAKE_MONOTONIC': '1',
           'FAKETIME': time.strftime('@%Y-%m-%d %H:%M:%S', time.gmtime(then))}
    answer, log = asked(v, v.request, canned=v.response, env=env)
    tap.equal(answer.hex(), v.response.hex(), log[-500:])
    broken = v.response[:-1] + bytes([v.response[-1] ^ 1])
    answer, log = asked(v, v.request, canned=broken, env=env)
    tap.equal(ocsp.Response(answer).status, 'tryLater', 'its responder certificate is broken')


if not TEXT:
    print('1..0 # SKIP RFC9919_TEXT names no copy of RFC 9919')
    sys.exit(0)
tap.run()
