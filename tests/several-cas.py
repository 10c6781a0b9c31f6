#!/usr/bin/python3
"""Several CAs: sections [ca NAME], and several certificates in one request."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import der
import ocsp
import pki
import tap
from responder import Responder

MOST = 32       # CertIDs in a request
SERIAL = 0x1234567890abcdef

first, second, third = (pki.make_root(name, kind) for name, kind in
                        (('First', 'p256'), ('Second', 'rsa'), ('Third', 'ed25519')))
r = Responder(ca=first)
r.add_ca('second', second)
r.add_ca('third', third, table='thirds', producetime='2h')
r.check_ctl('init-db')
in_first = r.add(first.issue('of the first', serial=SERIAL))
in_second = r.add(second.issue('of the second', serial=SERIAL + 1))
in_third = third.issue('of the third', serial=SERIAL)
r.insert(hex(SERIAL), certificate=in_third.pem(), table='thirds')
HOLDERS = ((first, in_first), (second, in_second), (third, in_third))


def certids(*pairs):
    return [ocsp.certid(ca.certificate, leaf.serial) for ca, leaf in pairs]


def ask(ids, signer, *extensions):
    """An answer that has to be signed by this CA, and have no fault."""
    response = r.ask(ocsp.request(ids, *extensions))
    if response.code == 0:
        tap.equal(response.faults(signer.certificate, ids, response.nonce), [])
    return response


@tap.test('each answer is signed by the CA that is asked about, in whatever order (U-17, O-3)')
def right_signer():
    for ca, leaf in HOLDERS + HOLDERS[::-1]:
        response = ask(certids((ca, leaf)), ca)
        tap.equal((str(response), response.certs), ('good', []))
    for ca, leaf in HOLDERS:
        tap.equal(str(ask(certids((ca, leaf)), ca)), 'good', 'from the cache')


@tap.test('a CA has its own key, table and producetime, or those of [ocsp]')
def own_keys():
    single = ask(certids((third, in_third)), third).singles[0]
    tap.equal(single.next_update - single.this_update, 2 * 3600 - 1)
    single = ask(certids((second, in_second)), second).singles[0]
    tap.equal(single.next_update - single.this_update, 86400 - 1)


@tap.test('one serial of two CAs are two certificates (O-13)')
def same_serial():
    r.sql("UPDATE thirds SET status='Revoked', revocation_time='2026-01-02 03:04:05'")
    r.clear_cache()
    try:
        tap.equal(str(ask(certids((third, in_third)), third)), 'revoked')
        tap.equal(str(ask(certids((first, in_first)), first)), 'good')
    finally:
        r.sql("UPDATE thirds SET status='Valid', revocation_time=NULL")
        r.clear_cache()


@tap.test("a CA's table that can't be asked keeps nobody from asking about those of others (D-9)")
def one_table_away():
    with r.configured(recheck='0'):
        for ca, leaf in HOLDERS:
            tap.equal(str(ask(certids((ca, leaf)), ca)), 'good')
        r.sql('ALTER TABLE thirds RENAME TO elsewhere')
        try:
            tap.equal(str(ask(certids((third, in_third)), third)), 'good', 'from the cache')
            r.revoke(in_first)
            for _ in range(2):
                tap.equal(str(ask(certids((first, in_first)), first)), 'revoked(1)')
                tap.equal(str(ask(certids((third, in_third)), third)), 'good')
        finally:
            r.sql('ALTER TABLE elsewhere RENAME TO thirds')
            r.unrevoke(in_first)
        tap.contains(r.log(), 'answers that are still valid are sent from the cache')


@tap.test("a certificate of one CA asked about as another's: unauthorized, though the row is there")
def foreign_row():
    for ca, leaf in ((second, in_first), (first, in_second)):
        tap.equal(r.ask(ocsp.request(certids((ca, leaf)))).status, 'unauthorized')


@tap.test('verify=no in a table of two CAs: "check" says what that means')
def shared_unverified():
    before = dict(r.cas['second'])
    try:
        for table, count in ((None, 1), ('thirds', 1), ('alone', 0)):
            r.cas['second'] = dict(before, verify='no', table=table)
            r.configure()
            said = r.ctl('check').stdout.decode()
            tap.equal(said.count('in a table that another CA has'), count, said)
    finally:
        r.cas['second'] = before
        r.configure()


@tap.test('several certificates of one CA: one answer, in their order (O-20)')
def several_of_one():
    more = [r.add(second.issue('more', serial=SERIAL + 10 + n)) for n in range(3)]
    r.revoke(more[1])
    ids = certids(*[(second, leaf) for leaf in more])
    tap.equal(str(ask(ids, second)), 'good,revoked(1),good')
    tap.equal(str(ask(ids[::-1] + ids[:1], second)), 'good,revoked(1),good,good')
    with r.configured(nonce='echo'):
        response = ask(ids, second, ocsp.nonce(bytes(16)))
        tap.equal((str(response), response.nonce), ('good,revoked(1),good', bytes(16)))


@tap.test('certificates of several CAs in a request: unauthorized, for an answer has one signature')
def several_of_several():
    for pairs in (HOLDERS[:2], HOLDERS[::-1], (HOLDERS[0], HOLDERS[2], HOLDERS[0])):
        tap.equal(r.ask(ocsp.request(certids(*pairs))).status, 'unauthorized')
    stranger = pki.make_root('Stranger')
    tap.equal(r.ask(ocsp.request(certids(HOLDERS[0], (stranger, in_first)))).status, 'unauthorized')


@tap.test('as many certificates as are allowed are answered, one more is malformedRequest')
def limit():
    ids = certids((first, in_first)) * MOST
    tap.equal(str(ask(ids, first)), ','.join(['good'] * MOST))
    tap.equal(r.ask(ocsp.request(ids + ids[:1])).status, 'malformedRequest')


@tap.test('several certificates, one not in the table: unauthorized; unknown= answers for it alone')
def several_and_unknown():
    missing = first.issue('missing', serial=SERIAL + 99)
    ids = certids((first, in_first), (first, missing))
    tap.equal(r.ask(ocsp.request(ids)).status, 'unauthorized')
    with r.configured(unknown='unknown'):
        tap.equal(str(ask(ids, first)), 'good,unknown')
    with r.configured(unknown='revoked'):
        response = ask(ids, first)
        tap.equal(str(response), 'good,revoked(6)')
        tap.equal(response.extensions, {ocsp.EXTENDED_REVOKE: (der.NULL, False)}, 'O-34')


@tap.test('unknown=revoked is for serials of our CAs, each with its own signature (O-8)')
def unknown_of_each():
    with r.configured(unknown='revoked'):
        for ca, _ in HOLDERS:
            missing = [ocsp.certid(ca.certificate, SERIAL + 1000)]
            tap.equal(str(ask(missing, ca)), 'revoked(6)')
        stranger = ocsp.certid(pki.make_root('Stranger').certificate, SERIAL + 1000)
        tap.equal(r.ask(ocsp.request(stranger)).status, 'unauthorized')
        tap.equal(r.cache_files(), [], 'what is not in the table stays out of the cache')


@tap.test('--ca: what a verb does is done for that CA alone')
def one_of_them():
    for ca, leaf in HOLDERS:
        ask(certids((ca, leaf)), ca)
    n = len(r.cache_files())
    tap.contains(r.check_ctl('--ca', 'second', 'verify-cache'), '1 answers looked at: 1 are right')
    tap.contains(r.check_ctl('--ca', 'second', 'purge', '--expired'), '0 answers removed')
    tap.contains(r.check_ctl('--ca', 'second', 'purge', '--all'), '1 answers removed')
    tap.equal(len(r.cache_files()), n - 1)
    for verb in ('check', 'setup', 'explain', 'export-static', 'sign-issuer', 'watch'):
        done = r.run('ocspctl', '--ca', 'third', verb)
        tap.equal(done.returncode, 64, verb)
        tap.contains(done.stderr.decode(), '--ca does not go with ' + verb)
    out = r.check_ctl('--ca', 'third', 'init-db')
    assert out.startswith('table thirds is there already') and 'list_certs' not in out, out


@tap.test('a delegated responder of one CA signs for no other (O-11, L-7)')
def delegated():
    entity = second.issue_responder()
    r.write('responder.pem', entity.pem())
    r.write('responder.key', entity.key_pem())
    before = dict(r.cas['second'])
    r.cas['second'] = dict(before, cert='responder.pem', pkey='responder.key', issuer='second.pem')
    r.configure()
    r.clear_cache()
    try:
        response = ask(certids((second, in_second)), second)
        tap.equal((str(response), len(response.certs)), ('good', 1))
        tap.equal(ask(certids((first, in_first)), first).certs, [])
    finally:
        r.cas['second'] = before
        r.configure()
        r.clear_cache()


@tap.test("a CA's certificate that can't be used stops that CA alone, but for what is in the cache")
def no_certificate():
    r.clear_cache()
    r.configure(recheck='0')
    kept = ocsp.request(certids((third, in_third)))
    tap.equal(str(r.ask(kept)), 'good')
    r.clear_log()
    before = dict(r.cas['third'])
    r.cas['third'] = dict(before, cert='nowhere.pem')
    r.configure()
    try:
        for ca, leaf in HOLDERS[:2]:
            tap.equal(str(ask(certids((ca, leaf)), ca)), 'good')
        tap.contains(r.log(), 'nowhere.pem')
        assert 'not answered' not in r.log(), r.log()
        tap.equal(str(r.ask(kept, program='ocsp-stdio')), 'good', 'from the cache')
        tap.contains(r.log(), 'it may be about the CA of section [third]')
        for ids in ((ocsp.certid(third.certificate, 0x77),),
                    certids((first, in_first), (third, in_third)),
                    (ocsp.certid(pki.make_root('Stranger').certificate, SERIAL),)):
            tap.equal(r.run('ocsp-sign', octets=ocsp.request(ids)).stdout, b'')
            tap.equal(str(r.ask(ocsp.request(ids), program='ocsp-stdio')), 'tryLater')
    finally:
        r.cas['third'] = before
        r.configure(recheck=None)
        r.clear_cache()


@tap.test('presign: a CA that cannot sign, or whose table cannot be read, is told and left out alone')
def presign_others():
    broken = ({'cert': 'nowhere.pem'}, 74), ({'pkey': 'first.key'}, 78), ({'table': 'nowhere'}, 75)
    before = dict(r.cas['second'])
    for keys, code in broken:
        r.clear_cache()
        r.cas['second'] = dict(before, **keys)
        r.configure()
        try:
            done = r.ctl('presign', '--jobs', '2')
            out = (done.stdout + done.stderr).decode()
            tap.equal(done.returncode, code, out)
            tap.equal(out.count('no more is signed ahead for section [second]'), 1, out)
            tap.contains(out, 'not all was looked at')
            tap.equal(len(r.cache_files()), 2, out)
            for ca, leaf in ((first, in_first), (third, in_third)):
                with r.configured(keep_cache=True, signer='/nonexistent'):
                    tap.equal(str(ask(certids((ca, leaf)), ca)), 'good')
            r.clear_cache()
            tap.contains(r.check_ctl('--ca', 'third', 'presign'), '1 signed')
        finally:
            r.cas['second'] = before
            r.configure()
            r.clear_cache()


@tap.test('presign: a CA that was given another key under its old name leaves the old rows out')
def rekeyed():
    old = pki.make_root('Same')
    new = pki.make_root('Same', name=old.certificate.subject)
    with Responder(ca=old) as both:
        both.add_ca('new', new)
        for ca in (old, old, new):
            both.add(ca.issue('leaf'))
        tap.contains(both.check_ctl('presign'), '3 signed, 0 fresh already, 3 left out')


@tap.test("a key that is not the CA's stops that CA alone; check says which section")
def broken_ca():
    before = dict(r.cas['third'])
    r.cas['third'] = dict(before, pkey='second.key')
    r.configure()
    r.clear_cache()
    try:
        tap.equal(str(ask(certids((first, in_first)), first)), 'good', 'the others still sign')
        tap.equal(r.ask(ocsp.request(certids((third, in_third)))).status, 'internalError')
        done = r.ctl('check')
        tap.equal(done.returncode, 2)
        tap.contains(done.stdout.decode(), '[third]')
    finally:
        r.cas['third'] = before
        r.configure()
        r.clear_cache()


tap.run(r.close)
