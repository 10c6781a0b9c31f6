#!/usr/bin/python3
"""How soon a change in the table is seen, with and without "ocspctl watch"; what becomes of it when
that is killed, stopped or cut off; and what an outage of the database does. Figures are printed as
comments; TEST_ALL=1 takes more of them."""
import contextlib
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import mariadb
import ocsp
import pki
import relay
import tap
from responder import CREATE_DATABASE, Responder, stores, terminate, wait_for

LONG = 'TEST_ALL' in os.environ
TIMES = 20 if LONG else 2
# How often a client asks that waits for a change.
ASK_S = 0.05
# Of a busy machine, beyond what is promised.
SLACK_S = 1.5

root = pki.make_root('Test CA')


def change_of(r, way, leaf):
    """Does it, and says what a client should see then."""
    serial = '%#x' % leaf.serial
    if way == 'UPDATE: revoked':
        r.revoke(leaf)
        return 'revoked(1)'
    if way == 'UPDATE: hold released':
        r.unrevoke(leaf)
        return 'good'
    if way == 'DELETE':
        r.sql("DELETE FROM list_certs WHERE cert_num = '%s'" % serial)
        return 'unauthorized'
    r.check_ctl('revoke', serial, '--reason', 'key_compromise')
    return 'revoked(1)'


WAYS = ['UPDATE: revoked', 'UPDATE: hold released', 'DELETE', 'ocspctl revoke']


_beside = []


def beside(name, function, *args):
    """Registers a test that mostly waits: they are all run side by side, in processes of their own,
    when it is the first one's turn."""
    _beside.append((function, args))
    tap.add(name, join, len(_beside) - 1)


def join(key, _running={}):
    if not _running:
        for i, (function, args) in enumerate(_beside):
            ours, theirs = os.pipe()
            _running[i] = os.fork(), ours
            if _running[i][0] == 0:
                os.write(theirs, outcome(function, args))
                os._exit(0)
            os.close(theirs)
    pid, pipe = _running[key]
    with open(pipe) as f:
        said = f.read()
    os.waitpid(pid, 0)
    if said.startswith('SKIP '):
        tap.skip(said[5:])
    assert said == 'passed', said or 'it died'


def outcome(function, args):
    try:
        function(*args)
        return b'passed'
    except tap.Skip as reason:
        return b'SKIP ' + str(reason).encode()
    except BaseException:
        return traceback.format_exc().encode()[-60000:]


def seconds_until(r, leaf, want, limit=60):
    start = time.monotonic()
    while str(r.ask_about(leaf)) != want:
        assert time.monotonic() - start < limit, 'not %s after %d s' % (want, limit)
        time.sleep(ASK_S)
    return time.monotonic() - start


def prepared(r, way):
    """A certificate that this way can be tried on, with an answer in the cache."""
    leaf = r.add(r.ca.issue('leaf'))
    if way == 'UPDATE: hold released':
        r.revoke(leaf, reason='certificate_hold')
    r.ask_about(leaf)
    return leaf


def measure(r):
    """{way: worst seconds}; the ways are tried side by side."""
    leaves = {way: [prepared(r, way) for _ in range(TIMES)] for way in WAYS}
    worst, failures = dict.fromkeys(WAYS, 0), []
    # an answer is always newest when it was just given: wait for a time in the middle
    time.sleep(2.5)

    def run(way):
        try:
            for leaf in leaves[way]:
                r.ask_about(leaf)
                seconds = seconds_until(r, leaf, change_of(r, way, leaf))
                worst[way] = max(worst[way], seconds)
        except BaseException as error:
            failures.append((way, error))

    threads = [threading.Thread(target=run, args=(way,)) for way in WAYS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    return worst


def report(kind, worst):
    for way in WAYS:
        tap.note('worst of %d, %-32s %-22s %5.2f s' % (TIMES, kind, way, worst[way]))


def watcher(r, *, config=None):
    """Starts "ocspctl watch"; returns once it has compared all there is."""
    child = r.start('ocspctl', 'watch') if not config else \
        r.start_command([r.path('bin', 'ocspctl'), '-c', config, 'watch'])
    wait_for(lambda: markers(r), 'the first comparison')
    return child


def wait_until_covered(r):
    """Until the watcher speaks of every file that there is."""
    def covered():
        newest = max(os.stat(f).st_ctime for f in r.cache_files())
        return all(os.stat(m).st_atime >= newest for m in markers(r))

    wait_for(covered, 'a later comparison')
    time.sleep(1.2)


def markers(r):
    return [os.path.join(base, '.verified') for base, _, names in os.walk(r.path('cache'))
            if '.verified' in names]


def seen(store, recheck, watch, upgrade):
    with Responder(ca=root, store=store, recheck=str(recheck), timeout='2') as r:
        if upgrade:
            r.check_ctl('init-db', '--upgrade')
        kind = store
        if watch:
            kind += ', watch, ' + ('updated_at' if upgrade else 'plain table')
            prepared(r, 'DELETE')
            watcher(r)
        else:
            kind += ', recheck=%d' % recheck
        worst = measure(r)
        report(kind, worst)
        most = {way: 2 + SLACK_S if watch else recheck + SLACK_S for way in WAYS}
        most['ocspctl revoke'] = SLACK_S
        for way in WAYS:
            assert worst[way] <= most[way], (way, worst[way])


for store in stores():
    tap.add('%s: without watch a change is seen within recheck seconds (D-9, U-3)' % store, seen,
            store, 2, False, False)
    tap.add('%s: with watch in about two, though recheck is 60 (updated_at)' % store, seen, store,
            60, True, True)
    tap.add("%s: with watch in about two, on the predecessor's table too" % store, seen, store, 60,
            True, False)


# --- the watcher's other work

def ages():
    with Responder(ca=root, recheck='60') as r:
        old, ended, held = [r.add(r.ca.issue('leaf')) for _ in range(3)]
        for leaf in (old, ended, held):
            r.ask_about(leaf)
        files = {ocsp.Response(open(f, 'rb').read()).singles[0].serial: f for f in r.cache_files()}
        now = pki.now()
        for leaf, start, end in ((old, now - pki.DAY / 2, now + pki.DAY / 2),
                                 (ended, now - 2 * pki.DAY, now - pki.DAY)):
            with open(files[leaf.serial], 'wb') as f:
                f.write(r.ca.answer(leaf, start=start, end=end))
        left = r.own(pki.write('/', files[held.serial] + '.~0123456789abcdef', b'half an ans'))
        os.utime(left, (1, 1))
        before = open(files[held.serial], 'rb').read()
        watcher(r)
        assert not os.path.exists(files[ended.serial]), 'what has ended is still there'
        assert not os.path.exists(left), 'a temporary file is still there'
        tap.equal(open(files[held.serial], 'rb').read(), before, 'a fresh one')
        renewed = ocsp.Response(open(files[old.serial], 'rb').read())
        assert renewed.produced_at > time.time() - 60, 'not renewed'


def twins(store, case):
    """A row that says Revoked counts before one of the same serial that says Valid."""
    with Responder(ca=root, store=store, recheck='60') as r:
        if case and store == 'mysql':
            r.sql('ALTER TABLE list_certs MODIFY cert_num varchar(50) CHARACTER SET ascii'
                  ' COLLATE ascii_bin')
        leaf = r.add(r.ca.issue('leaf', serial=0x1bc123))
        other = r.add(r.ca.issue('other', serial=0x1bc124))
        for each in (leaf, other):
            tap.equal(str(r.ask_about(each)), 'good')
        before = {f: os.stat(f).st_mtime_ns for f in r.cache_files()}
        r.insert('0x1BC123' if case else '0x01bc123', 'Revoked', '2026-01-02 03:04:05',
                 'superseded', leaf.pem())
        watcher(r)
        tap.equal(str(r.ask_about(leaf)), 'revoked(4)')
        untouched = [f for f in r.cache_files() if os.stat(f).st_mtime_ns == before[f]]
        assert len(untouched) == 1 and '1bc124' in untouched[0], untouched


def many_at_once():
    """More answers than are looked at in one go have changed in one table, and some in another one:
    all are brought in line, and those of one table are not looked for in the other's."""
    other = pki.make_root('Second')
    with Responder(ca=root, recheck='60', verify='no') as r:
        r.add_ca('second', other, table='seconds')
        r.check_ctl('init-db', '--upgrade')
        n, first = 1100, 0x10000
        for table in ('list_certs', 'seconds'):
            r.sql('INSERT INTO %s (cert_num, cert, status) VALUES ' % table +
                  ','.join("('%#x', '', 'Valid')" % (first + i) for i in range(n)))
        r.check_ctl('presign')
        watcher(r)
        for table in ('list_certs', 'seconds'):
            r.sql("UPDATE %s SET status = 'Revoked', revocation_time = '2026-01-02 03:04:05'" %
                  table)

        def all_revoked():
            said = []
            for path in r.cache_files():
                with contextlib.suppress(FileNotFoundError), open(path, 'rb') as f:
                    said.append(str(ocsp.Response(f.read())))
            return len(said) == 2 * n and set(said) == {'revoked'}

        wait_for(all_revoked, 'the watcher', 60)


def lease():
    with Responder(ca=root, recheck='4') as r:
        leaf = r.add(r.ca.issue('leaf'))
        tap.equal(str(r.ask_about(leaf)), 'good')
        watcher(r)
        wait_until_covered(r)
        time.sleep(5)
        with r.configured(keep_cache=True, signer='/nonexistent'):
            tap.equal(str(r.ask_about(leaf)), 'good')
        tap.equal(r.signatures(), 1)


def fallback(how):
    """Whatever happens to the watcher, a change is seen recheck seconds after its last word."""
    recheck = 6
    store = 'mysql' if how == 'cut off' else stores()[0]
    if store not in stores():
        tap.skip('no MariaDB')
    with Responder(ca=root, store=store, recheck=str(recheck), timeout='2') as r:
        r.check_ctl('init-db', '--upgrade')
        leaf = r.add(r.ca.issue('leaf'))
        tap.equal(str(r.ask_about(leaf)), 'good')
        front = None
        if how == 'cut off':
            front = relay.Relay(r.database.server.port)
            with open(r.config) as f:
                text = f.read().replace('port=%d' % r.database.server.port,
                                        'port=%d' % front.port)
            child = watcher(r, config=r.write('watch.ini', text))
        else:
            child = watcher(r)
        wait_until_covered(r)
        time.sleep(recheck)
        if how == 'cut off':
            front.set('hang' if LONG else 'refuse')
        else:
            child.send_signal({'killed': signal.SIGKILL, 'stopped': signal.SIGSTOP,
                               'ended': signal.SIGTERM}[how])
            time.sleep(0.2)
        r.revoke(leaf)
        seconds = seconds_until(r, leaf, 'revoked(1)')
        tap.note('watch %s: seen after %.2f s, recheck=%d' % (how, seconds, recheck))
        assert seconds <= recheck + SLACK_S, seconds
        if how == 'cut off':
            wait_for(lambda: "the database can't be asked" in r.log(), 'the watcher', 30)
            front.set('pass')
            wait_for(lambda: 'the database answers again' in r.log(), 'the watcher', 30)
            lines = r.log().count("the database can't be asked")
            tap.equal(lines, 1, 'lines about it')
            r.unrevoke(leaf)
            seconds_until(r, leaf, 'good', 3 + SLACK_S)
            front.close()
        elif how == 'stopped':
            child.send_signal(signal.SIGCONT)
            r.unrevoke(leaf)
            seconds_until(r, leaf, 'good', 3 + SLACK_S)
        elif how == 'ended':
            tap.equal(child.wait(10), 0)


def another_host():
    """The first of two hosts is away, and the other one is behind: once the first is back, it counts,
    and what the other has said does not."""
    if 'mysql' not in stores():
        tap.skip('no MariaDB')
    with Responder(ca=root, store='mysql', recheck='3600', timeout='4') as r, \
            mariadb.MariaDB() as behind:
        behind.sql(CREATE_DATABASE)
        behind.user('cert', 'pycert', 'certs')
        first = relay.Relay(r.database.server.port)
        leaf = r.add(r.ca.issue('leaf'))
        with r.configured(db={'host': '127.0.0.1:%d' % behind.port}):
            r.check_ctl('init-db', '--upgrade')
            behind.sql("INSERT INTO list_certs (cert_num, cert, status) VALUES ('%#x', '%s', 'Valid')"
                       % (leaf.serial, leaf.pem().decode()), 'certs')
        with r.configured(db={'host': '127.0.0.1:%d,127.0.0.1:%d' % (first.port, behind.port)}):
            r.check_ctl('init-db', '--upgrade')
            tap.equal(str(r.ask_about(leaf)), 'good')
            watcher(r)
            first.set('refuse')
            wait_for(lambda: '127.0.0.1:%d now' % behind.port in r.log() or
                     'is asked at' in r.log(), 'the second host')
            wait_until_covered(r)
            first.set('pass')
            r.revoke(leaf)
            seconds = seconds_until(r, leaf, 'revoked(1)', 45)
            tap.note('the first host counts again after %.1f s' % seconds)
            tap.equal(r.log().count('is asked at'), 2, 'lines about it')
        first.close()


def notifies():
    with Responder(ca=root) as r, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(r.path('notify'))
        os.chmod(r.path('notify'), 0o777)
        sock.settimeout(10)
        child = r.start('ocspctl', 'watch', env={'NOTIFY_SOCKET': r.path('notify'),
                                                 'WATCHDOG_USEC': '9000000'})
        said = ''
        while not all(word in said for word in ('READY=1', 'WATCHDOG=1', 'STATUS=')):
            said += sock.recv(4096).decode() + '\n'
        tap.equal(terminate(child), 0)


def backup(watch, keep_times):
    """What is put back says good, with its old times or with those of now."""
    recheck = 3
    with Responder(ca=root, recheck=str(recheck)) as r:
        leaf = r.add(r.ca.issue('leaf'))
        tap.equal(str(r.ask_about(leaf)), 'good')
        shutil.copytree(r.path('cache'), r.path('saved'))
        r.revoke(leaf)
        time.sleep(recheck)
        tap.equal(str(r.ask_about(leaf)), 'revoked(1)')
        if watch:
            watcher(r)
            wait_until_covered(r)
            time.sleep(recheck)
        for base, _, names in os.walk(r.path('saved')):
            for name in names:
                source = os.path.join(base, name)
                target = r.path('cache', os.path.relpath(source, r.path('saved')))
                (shutil.copy2 if keep_times else shutil.copy)(source, target + '.new')
                r.own(target + '.new')
                os.rename(target + '.new', target)
        seconds = seconds_until(r, leaf, 'revoked(1)')
        tap.note('from a backup, watch=%s, times %s: %.2f s'
                 % (watch, 'kept' if keep_times else 'new', seconds))
        assert seconds <= (0 if keep_times else recheck) + SLACK_S, seconds


# --- many at once

@tap.test('100 misses on one serial at once: one signature (D-10)')
def stampede():
    with Responder(ca=root, timeout='60') as r:
        leaf = r.add(r.ca.issue('leaf'))
        children = [r.start('ocsp-stdio', stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                    for _ in range(100)]
        start = time.monotonic()
        for child in children:
            child.stdin.write(r.request(leaf))
            child.stdin.flush()
        answers = {child.communicate()[0] for child in children}
        tap.note('100 answers in %.2f s' % (time.monotonic() - start))
        tap.equal(len(answers), 1, 'different answers')
        wait_for(lambda: r.signatures() >= 1, 'the log')
        time.sleep(0.3)
        tap.equal(r.signatures(), 1)


def two_hosts():
    recheck = 2
    with Responder(ca=root, recheck=str(recheck)) as r:
        leaf = r.add(r.ca.issue('leaf'))
        with open(r.config) as f:
            text = f.read()
        hosts = [r.config, r.write('other.ini', text.replace('ocsp.log', 'other.log'))]
        r.ask_about(leaf)
        # as on a file system whose locks don't reach the other host
        folder = os.path.dirname(markers(r)[0]) if markers(r) else \
            os.path.dirname(os.path.dirname(r.cache_files()[0]))
        os.unlink(os.path.join(folder, '.lock'))
        os.mkdir(os.path.join(folder, '.lock'))

        def ask(host):
            done = subprocess.run([r.path('bin', 'ocsp-stdio'), '-c', host],
                                  input=r.request(leaf), capture_output=True, cwd=r.dir,
                                  env=r.environment())
            response = ocsp.Response(done.stdout)
            tap.equal(response.faults(root.certificate, [r.certid(leaf)]), [])
            return str(response)

        failures, stop = [], threading.Event()
        state = {'want': 'good', 'since': time.monotonic()}

        def client(host):
            try:
                while not stop.is_set():
                    before = dict(state)
                    got = ask(host)
                    late = time.monotonic() - before['since'] > recheck + SLACK_S
                    if got != before['want'] and late and before == state:
                        failures.append((host, got, before))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=client, args=(host,)) for host in hosts * 2]
        for thread in threads:
            thread.start()
        for change, want in ((r.revoke, 'revoked(1)'), (r.unrevoke, 'good')) * (5 if LONG else 1):
            change(leaf)
            state.update(want=want, since=time.monotonic())
            time.sleep(recheck + SLACK_S + 0.5)
        # a watcher on one of them serves both
        watch = r.start('ocspctl', 'watch')
        time.sleep(2.5)
        r.revoke(leaf)
        state.update(want='revoked(1)', since=time.monotonic())
        time.sleep(recheck + SLACK_S + 0.5)
        stop.set()
        for thread in threads:
            thread.join()
        watch.kill()
        tap.equal(failures[:3], [])


def keyless_host():
    """One host signs and watches. Another has the cache directory and neither key nor database; that
    it finds none is nothing to the first."""
    poor_host = ['unshare', '--uts', 'sh', '-c', 'hostname poor && exec "$0" "$@"']
    if subprocess.run([*poor_host, 'true'], capture_output=True).returncode:
        tap.skip('no host of another name can be had here (root)')
    recheck = 2
    with Responder(ca=root, recheck=str(recheck)) as r:
        leaf, other, new = [r.add(r.ca.issue('leaf')) for _ in range(3)]
        with open(r.config) as f:
            text = f.read()
        r.write('no.key', b'')
        poor = r.write('poor.ini', text.replace('ca.key', 'no.key').replace('ocsp.log', 'poor.log')
                       .replace('certs.db', 'none.db').replace('port=', 'port=1\n#'))

        def ask(certificate):
            done = subprocess.run([*poor_host, r.path('bin', 'ocsp-stdio'), '-c', poor],
                                  input=r.request(certificate), capture_output=True, cwd=r.dir,
                                  env=r.environment())
            return str(ocsp.Response(done.stdout))

        for certificate in (leaf, other):
            r.ask_about(certificate)
        watch = watcher(r)
        wait_until_covered(r)
        time.sleep(recheck)
        # longer than recheck after they were signed: the watcher's word counts
        tap.equal((ask(leaf), ask(new)), ('good', 'tryLater'))
        r.revoke(leaf)
        start = time.monotonic()
        # all the while it fails to ask about another one
        wait_for(lambda: (ask(new), ask(leaf)) == ('tryLater', 'revoked(1)'), 'a revocation',
                 recheck + SLACK_S)
        tap.note('seen there after %.2f s' % (time.monotonic() - start))
        # a watcher that is gone is a database that is away: what is valid is sent
        watch.kill()
        watch.wait()
        time.sleep(recheck + 1)
        tap.equal((ask(leaf), ask(other)), ('revoked(1)', 'good'))


# --- the clock

def set_back():
    with Responder(ca=root, recheck='60') as r:
        leaf = r.add(r.ca.issue('leaf'))
        r.ask_about(leaf)
        path = r.cache_files()[0]
        # as if signed and agreed with an hour later by the clock that was right
        hour = pki.DAY / 24
        with open(path, 'wb') as f:
            f.write(r.ca.answer(leaf, start=pki.now() + hour))
        os.utime(path, (time.time() + 3600,) * 2)
        with r.configured(keep_cache=True, signer='/nonexistent'):
            tap.equal(str(r.ask(r.request(leaf))), 'tryLater', 'it was sent')
        tap.equal(str(r.ask_about(leaf)), 'good')
        # agreed with in the future: asked about now, and from then on as usual
        os.utime(path, (time.time() + 3600,) * 2)
        r.revoke(leaf)
        tap.equal(str(r.ask_about(leaf)), 'revoked(1)')
        # a marker of the future
        r.unrevoke(leaf)
        marker = os.path.join(os.path.dirname(os.path.dirname(path)), '.verified')
        r.own(pki.write('/', marker, b''))
        os.utime(marker, (time.time() + 3600,) * 2)
        os.utime(path, (1, 1))
        tap.equal(str(r.ask_about(leaf)), 'good')
        # a back-off of the future keeps nobody from asking
        note = os.path.join(os.path.dirname(marker), '.database-down-' + os.uname().nodename)
        r.own(pki.write('/', note, b''))
        os.utime(note, (time.time() + 3600,) * 2)
        r.revoke(leaf)
        os.utime(path, (1, 1))
        tap.equal(str(r.ask_about(leaf)), 'revoked(1)')


def set_back_watched():
    """What was signed while the clock was ahead goes, before its time comes and it is sent unasked."""
    with Responder(ca=root, recheck='2') as r:
        leaves = [r.add(r.ca.issue('leaf')) for _ in range(2)]
        for leaf in leaves:
            r.ask_about(leaf)
        for path in r.cache_files():
            with open(path, 'rb') as f:
                serial = ocsp.Response(f.read()).singles[0].serial
            if serial == leaves[0].serial:
                with open(path, 'wb') as f:
                    f.write(r.ca.answer(leaves[0], start=pki.now() + pki.DAY * (30 / 86400)))
                os.utime(path, (time.time() + 30,) * 2)
        watch = watcher(r)
        wait_until_covered(r)
        tap.equal(len(r.cache_files()), 1)
        with r.configured(keep_cache=True, signer='/nonexistent'):
            tap.equal(str(r.ask(r.request(leaves[1]))), 'good')
        terminate(watch)


def set_forward():
    with Responder(ca=root, recheck='3600') as r:
        leaf = r.add(r.ca.issue('leaf'))
        r.ask_about(leaf)
        path = r.cache_files()[0]
        end = time.time() + 3
        with open(path, 'wb') as f:
            f.write(r.ca.answer(leaf, start=pki.now() - pki.DAY,
                                end=pki.now() + pki.DAY * (3 / 86400)))
        os.utime(path)
        last = None
        r.database.stop()
        try:
            while time.time() < end + 1.5:
                response = r.ask(r.request(leaf))
                now = time.time()
                if response.code == 0:
                    assert response.singles[0].next_update + 1 > now, 'sent after its nextUpdate'
                    last = now
        finally:
            r.database.start()
        assert last and end - last < 1.5, 'it was not sent until its end'
        wait_for(lambda: str(r.ask(r.request(leaf))) == 'good', 'a new one', 10)


# --- the database fails

def hits(r, leaf, n):
    """Milliseconds of a hit: the median, and the worst."""
    took = []
    for _ in range(n):
        start = time.monotonic()
        tap.equal(str(r.ask(r.request(leaf))), 'good')
        took.append((time.monotonic() - start) * 1000)
    return statistics.median(took), max(took)


def state_lines(r):
    """The lines at WARNING and above."""
    return [line for line in r.log().splitlines()
            if any(' %s in process' % level in line for level in ('WARNING', 'ERROR', 'CRITICAL'))]


def outage(how):
    if 'mysql' not in stores():
        tap.skip('no MariaDB')
    timeout = 2
    with Responder(ca=root, store='mysql', recheck='1', timeout=str(timeout),
                   db={'log': 'INFO'}) as r:
        front = relay.Relay(r.database.server.port)
        r.configure(db={'port': str(front.port)})
        leaf, other = [r.add(r.ca.issue('leaf')) for _ in range(2)]
        tap.equal(str(r.ask_about(leaf)), 'good')
        up = hits(r, leaf, 30)
        time.sleep(1.1)
        r.clear_log()
        front.set(how)
        asked = front.connections
        first = hits(r, leaf, 1)[0]
        assert first < timeout * 1000, 'the first one took %.0f ms' % first
        down = hits(r, leaf, 60)
        tap.note('hit: %.1f ms with the database up, %.1f ms while it is down (%s); who finds out '
                 '%.0f ms' % (up[0], down[0], how, first))
        assert down[1] < max(5 * up[1], 200), 'a hit took %.0f ms' % down[1]
        assert front.connections - asked <= 2, 'a connection for each request'
        errors = state_lines(r)
        tap.equal(len(errors), 1, '\n'.join(errors))
        start = time.monotonic()
        tap.equal(r.ask(r.request(other)).status, 'tryLater')
        assert time.monotonic() - start < timeout + 0.5, 'tryLater came too late'
        r.clear_log()
        front.set('pass')
        r.revoke(leaf)
        seconds = seconds_until(r, leaf, 'revoked(1)')
        tap.note('after the end of the outage: %.1f s' % seconds)
        assert seconds < 5 + 1 + SLACK_S, seconds
        back = [line for line in state_lines(r) if 'answers again' in line]
        tap.equal(len(back), 1, r.log())
        front.close()


for how in ('refuse', 'hang'):
    tap.add('database: %s: hits go on at their speed, one line, recovery by itself (D-12)' % how,
            outage, how)


@tap.test('database: a list of hosts, of which the first is dead or hangs')
def hosts():
    if 'mysql' not in stores():
        tap.skip('no MariaDB')
    with Responder(ca=root, store='mysql', timeout='4') as r:
        leaf = r.add(r.ca.issue('leaf'))
        port = r.database.server.port
        front = relay.Relay(port)
        for how in ('refuse', 'hang'):
            front.set('pass')
            front.set(how)
            with r.configured(db={'host': '127.0.0.1:%d,127.0.0.1:%d' % (front.port, port)}):
                start = time.monotonic()
                tap.equal(str(r.ask_about(leaf)), 'good')
                tap.note('first host: %s: %.2f s' % (how, time.monotonic() - start))
        front.close()


for how in ('killed', 'stopped', 'cut off', 'ended'):
    beside('watch %s: rule 3 takes over' % how, fallback, how)
for watch in (False, True):
    for keep_times in (True, False):
        beside('a cache from a backup, %s, %s: seen within recheck'
               % ('with watch' if watch else 'without watch',
                  'times kept' if keep_times else 'new times'), backup, watch, keep_times)
beside('watch: what ages is renewed, what has ended is removed, what a writer left too', ages)
for store in stores():
    for case in (False, True):
        beside('watch: %s: of several rows of a serial, %s, it takes the one that counts'
               % (store, 'in upper and lower case' if case else 'with zeros and without'), twins,
               store, case)
beside('watch: of several hosts the first that answers counts, and no other for longer than it must',
       another_host)
beside('watch: a thousand changes at once, in two tables', many_at_once)
beside('watch: a hit needs no database and no ocsp-sign, long after recheck', lease)
beside('watch: it tells systemd when it is ready, and that it is alive', notifies)
beside('two hosts share a cache, without locks: right answers, seen within recheck', two_hosts)
beside("two hosts share a cache: one signs, the other has neither key nor database", keyless_host)
beside('the clock was set back: answers and agreements of the future count for nothing (D-13)', set_back)
beside('the clock was set back: the watcher removes what was signed ahead of it', set_back_watched)
beside('the clock was set forward, or nextUpdate is reached: nothing is sent after it (U-4)', set_forward)
tap.run()
