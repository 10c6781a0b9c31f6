#!/usr/bin/python3
"""ocspctl metrics: what was counted by ocsp-stdio and ocsp-sign, however they were started."""
import json
import os
import re
import shutil
import socket
import subprocess
import stat
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import ocsp
import tap
from responder import LONG, Responder, accepts, read_all, terminate, wait_for

try:
    from prometheus_client.openmetrics import parser as reference
except ImportError:
    reference = None

EX_USAGE, EX_CONFIG = 64, 78
TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

r = Responder()
leaf = r.add(r.ca.issue('leaf'))
REQUEST = r.request(leaf)
FRONT, SIGN = r.path('cache', '.metrics'), r.path('cache', '.metrics-sign')


def openmetrics():
    done = r.ctl('metrics', '--openmetrics')
    tap.equal(done.returncode, 0, done.stderr)
    return done.stdout.decode()


def values(text=None):
    """{'name{labels}': number}"""
    lines = (text or openmetrics()).splitlines()
    return {line.rsplit(' ', 1)[0]: float(line.rsplit(' ', 1)[1])
            for line in lines if not line.startswith('#')}


class Change:
    """What was counted within a with block; zeros are left out."""

    def __enter__(self):
        self.before = values()
        return self

    def __exit__(self, *unused):
        after = values()
        self.change = {k: v - self.before.get(k, 0) for k, v in after.items()
                       if v != self.before.get(k, 0)}

    def __getitem__(self, key):
        return self.change.get('ocsp_' + key, 0)

    def counters(self):
        return {k[5:]: v for k, v in self.change.items() if '_total' in k}


def post(port, octets):
    with socket.create_connection(('127.0.0.1', port)) as s:
        s.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n'
                  b'Content-Length: %d\r\n\r\n' % len(octets) + octets)
        return read_all(s)


@tap.test('before anybody has asked, --openmetrics is all zeros, and the table says so')
def nothing():
    text = openmetrics()
    assert all(v == 0 for k, v in values(text).items() if '_total' in k), text
    done = r.ctl('metrics')
    tap.equal(done.returncode, 1)
    tap.contains(done.stderr.decode(), 'nothing was counted yet')


@tap.test('a miss and a hit: each is counted once, in every respect')
def once():
    with Change() as c:
        r.ask(REQUEST)
    tap.equal(c.counters(), {
        'requests_total{transport="der"}': 1, 'answers_total{status="good"}': 1,
        'cache_lookups_total{result="miss"}': 1, 'signer_requests_total{result="answered"}': 1,
        'signer_answers_total{source="signed"}': 1, 'signatures_total': 1})
    for name in ('request_duration_seconds_count{source="signer"}', 'lookup_duration_seconds_count',
                 'sign_duration_seconds_count', 'answer_age_seconds_count'):
        tap.equal(c[name], 1, name)
    with Change() as c:
        r.ask(REQUEST)
    tap.equal(c.counters(), {
        'requests_total{transport="der"}': 1, 'answers_total{status="good"}': 1,
        'cache_lookups_total{result="hit"}': 1})
    tap.equal(c['request_duration_seconds_count{source="cache"}'], 1)


@tap.test('what has no answer is counted by its reason')
def errors():
    with Change() as c:
        r.ask(r.request(4711))
        r.ask(b'\x30\x03\x02\x01\x00')
    tap.equal(c['answers_total{status="unauthorized"}'], 1)
    tap.equal(c['answers_total{status="malformedRequest"}'], 1)
    tap.equal(c['signer_failures_total{reason="unauthorized"}'], 1)
    with r.configured(recheck='0', keep_cache=True):
        r.ask(REQUEST)
        r.database.stop()
        try:
            with Change() as c:
                r.ask(REQUEST)
        finally:
            r.database.start()
    tap.equal(c['database_failures_total'], 1)
    tap.equal(c['answers_total{status="good"}'], 1)
    with r.configured(signer=r.path('bin', 'none')), Change() as c:
        r.run('ocsp-stdio', octets=REQUEST)
    tap.equal(c['signer_requests_total{result="unreachable"}'], 1)
    tap.equal(c['answers_total{status="tryLater"}'], 1)
    with r.configured(nonce='echo'), Change() as c:
        r.ask(r.request(leaf, ocsp.nonce(b'x' * 16)))
    tap.equal(c['cache_lookups_total{result="bypass"}'], 1)


@tap.test('a file, and each HTTP method with its status')
def ways():
    path = r.write('work/x.req', REQUEST)
    with Change() as c:
        tap.equal(r.run('ocsp-stdio', path).returncode, 0)
    tap.equal(c['requests_total{transport="file"}'], 1)
    child, port = r.listen()
    try:
        with Change() as c:
            for head in (b'GET /', b'HEAD /', b'OPTIONS *', b'DELETE /', b'GET /no'):
                with socket.create_connection(('127.0.0.1', port)) as s:
                    s.sendall(head + b' HTTP/1.1\r\nHost: x\r\n\r\n')
                    read_all(s)
    finally:
        terminate(child)
    tap.equal(c['requests_total{transport="http",method="GET",code="200"}'], 1)
    tap.equal(c['requests_total{transport="http",method="GET",code="404"}'], 1)
    tap.equal(c['requests_total{transport="http",method="HEAD",code="200"}'], 1)
    tap.equal(c['requests_total{transport="http",method="OPTIONS",code="200"}'], 1)
    tap.equal(sum(v for k, v in c.counters().items() if 'method="other"' in k), 1)


@tap.test('a listener maps the file once, before it is locked in, and its children count')
def listener():
    for sandbox in ('auto', 'off'):
        with r.configured(sandbox=sandbox, keep_cache=True):
            r.ask(REQUEST)
            child, port = r.listen()
            try:
                with Change() as c:
                    for _ in range(20):
                        tap.contains(post(port, REQUEST), b' 200 ')
            finally:
                terminate(child)
        tap.equal(c['requests_total{transport="http",method="POST",code="200"}'], 20, sandbox)
        tap.equal(c['cache_lookups_total{result="hit"}'], 20, sandbox)


@tap.test('the listener counts whom it refuses')
def refused():
    with r.configured(maxpersource='1'):
        # the next connection counts it, and at the end the listener itself
        for last in (False, True):
            child, port = r.listen()
            with Change() as c:
                try:
                    with socket.create_connection(('127.0.0.1', port)):
                        with socket.create_connection(('127.0.0.1', port)) as s:
                            tap.contains(read_all(s), b' 503 ')
                    if not last:
                        wait_for(lambda: b' 200 ' in post(port, REQUEST), 'a free place')
                finally:
                    terminate(child)
            assert 1 <= c['refused_connections_total'] <= (1 if last else 100), c


@tap.test('a file that is cut short while a listener has it mapped harms no answer')
def truncated():
    r.ask(REQUEST)
    child, port = r.listen()
    try:
        os.truncate(FRONT, 0)
        for _ in range(5):
            tap.contains(post(port, REQUEST), b' 200 ')
    finally:
        tap.equal(terminate(child), 0)
    # and it is made anew by the next one
    r.ask(REQUEST)
    tap.equal(values()['ocsp_requests_total{transport="der"}'], 1)


@tap.test('garbage, a folder, a file of somebody else in its place: no answer is lost')
def hostile():
    for spoil in (lambda: r.write('cache/.metrics', os.urandom(4096)),
                  lambda: r.write('cache/.metrics', b'OCSPmet\0' + b'\xff' * 4088),
                  lambda: os.mkdir(FRONT), lambda: os.mkfifo(FRONT),
                  lambda: os.symlink('/etc/passwd', FRONT),
                  lambda: os.close(os.open(FRONT, os.O_CREAT, 0o000))):
        os.remove(FRONT)
        spoil()
        tap.equal(str(r.ask_about(leaf)), 'good')
        tap.equal(str(r.ask_about(leaf)), 'good')
        if os.path.isdir(FRONT):
            os.rmdir(FRONT)
            open(FRONT, 'w').close()
    os.remove(FRONT)


@tap.test('the files are open to their user alone, and in a folder of metrics=')
def place():
    for path in (FRONT, SIGN):
        if os.path.exists(path):
            os.remove(path)
    r.clear_cache()
    r.ask(REQUEST)
    for path in (FRONT, SIGN):
        tap.equal(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        tap.equal(os.stat(path).st_uid, r.account.pw_uid)
    with r.configured(metrics='work/counted'):
        r.ask(REQUEST)
        assert os.path.exists(r.path('work', 'counted-sign')) and not os.path.exists(FRONT)
        tap.equal(values()['ocsp_signatures_total'], 1)
    with r.configured(metrics='no'):
        r.ask(REQUEST)
        assert not os.path.exists(FRONT)
        done = r.ctl('metrics')
        tap.equal(done.returncode, 1)
        tap.contains(done.stderr.decode(), 'metrics=no')


@tap.test("who may not read the signing user's file is told to be root")
def unreadable():
    r.ask(REQUEST)
    os.chmod(SIGN, 0)
    who = {'user': r.account.pw_uid, 'group': r.account.pw_gid, 'extra_groups': []}
    try:
        done = r.run('ocspctl', 'metrics', **(who if os.getuid() == 0 else {}))
    finally:
        os.chmod(SIGN, 0o600)
    said = done.stderr.decode()
    assert done.returncode, said
    tap.contains(said, '-sign, can\'t be read')
    assert said.endswith('run this as root\n'), said


@tap.test('metrics= that is neither a file nor "no" is a mistake that is told')
def wrong_key():
    with r.configured(metrics=''):
        tap.equal(r.ctl('metrics').returncode, EX_CONFIG)
    tap.equal(r.ctl('metrics', 'x').returncode, EX_USAGE)
    tap.equal(r.ctl('metrics', '--nope').returncode, EX_USAGE)


@tap.test('a reader that knows the rules of OpenMetrics takes it all')
def rules():
    r.ask(REQUEST)
    text = openmetrics()
    assert text.endswith('# EOF\n')
    seen, family = set(), None
    for line in text.splitlines()[:-1]:
        kind = re.fullmatch(r'# (TYPE|UNIT|HELP) (\S+) .+', line)
        if kind and kind.group(1) == 'TYPE':
            family = kind.group(2)
            # of OpenMetrics and of the older text format, which is what node_exporter knows
            tap.contains(('counter', 'gauge', 'histogram', 'summary'), line.split()[3], family)
            assert family not in seen, 'twice: ' + family
            seen.add(family)
        elif kind:
            tap.equal(kind.group(2), family)
        else:
            assert re.fullmatch(re.escape(family) + r'(_total|_bucket|_count|_sum)?'
                                r'(\{([a-z]+="[^"\\\n]*",?)+\})? -?[0-9.]+', line), line
    if reference:
        families = list(reference.text_string_to_metric_families(text))
        tap.equal({f.name for f in families}, seen)


@tap.test('node_exporter takes the file whole')
def node_exporter():
    exporter = shutil.which('prometheus-node-exporter') or shutil.which('node_exporter')
    if not LONG:
        tap.skip('a slow one: OCSP_TEST_ALL')
    if not exporter:
        tap.skip('prometheus-node-exporter is not installed')
    r.ask(REQUEST)
    textfiles = r.folder('textfiles')
    done = r.ctl('metrics', '--openmetrics', '--output', os.path.join(textfiles, 'ocsp.prom'))
    tap.equal(done.returncode, 0, done.stderr)
    with socket.create_server(('127.0.0.1', 0)) as s:
        port = s.getsockname()[1]
    child = subprocess.Popen(
        [exporter, '--collector.disable-defaults', '--collector.textfile',
         '--collector.textfile.directory=' + textfiles, '--web.listen-address=127.0.0.1:%d' % port],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: accepts(port), 'node_exporter')
        with urllib.request.urlopen('http://127.0.0.1:%d/metrics' % port, timeout=20) as answer:
            given = answer.read().decode()
    finally:
        child.terminate()
        said = child.communicate()[1]
    tap.contains(given, '\nnode_textfile_scrape_error 0\n', said)
    tap.contains(given, '/ocsp.prom"}')
    # it sorts labels and adds empty ones
    exported, written = ({k.split('{')[0] for k in v} for v in (values(given), values()))
    tap.equal(sorted(written - exported), [])
    tap.contains(exported, 'ocsp_build_info')


@tap.test('buckets only rise, and end with the count')
def buckets():
    series = {}
    for key, value in values().items():
        match = re.fullmatch(r'(\w+)_bucket\{(.*?),?le="([^"]+)"\}', key)
        if match:
            series.setdefault(match.group(1, 2), []).append((float(match.group(3)), value))
    assert len(series) == 5, series.keys()
    for (name, labels), points in series.items():
        tap.equal(points, sorted(points), name)
        tap.equal(points[-1][0], float('inf'))
        key = name + '_count' + ('{%s}' % labels if labels else '')
        tap.equal(points[-1][1], values()[key])


@tap.test('--output puts it there whole, to be read by others')
def output():
    path = r.path('work', 'ocsp.prom')
    done = r.ctl('metrics', '--openmetrics', '--output', path)
    tap.equal((done.returncode, done.stdout), (0, b''))
    tap.equal(stat.S_IMODE(os.stat(path).st_mode), 0o644)
    with open(path) as f:
        tap.contains(f.read(), '# EOF')
    tap.equal([n for n in os.listdir(r.path('work')) if '~' in n], [])
    assert r.ctl('metrics', '--output', '/nonexistent/x').returncode == 74


@tap.test('the table says the same in words')
def table():
    r.ask(REQUEST)
    r.ask(REQUEST)
    text = r.check_ctl('metrics')
    for part in ('counted since 20', 'requests', 'good', 'hit', 'signatures', '99 %'):
        tap.contains(text, part)
    assert max(map(len, text.splitlines())) <= 100, text


@tap.test('dashboard and alert rules ask for nothing that is not counted')
def examples():
    text = openmetrics()
    names = set(re.findall(r'^# TYPE (\S+)', text, re.M))
    with open(os.path.join(TOP, 'docs', 'examples', 'ocsp-grafana.json')) as f:
        dashboard = json.load(f)
    asked = [t['expr'] for p in dashboard['panels'] for t in p['targets']]
    with open(os.path.join(TOP, 'docs', 'examples', 'ocsp-alerts.yml')) as f:
        asked += f.read().split('expr:')
    found = set(re.findall(r'\bocsp_\w+', '\n'.join(asked)))
    assert len(found) > 8, found
    for name in found:
        assert re.sub('_(total|bucket)$', '', name) in names, name
    for label, value in re.findall(r'(result|status|reason)="([a-zA-Z]+)"', '\n'.join(asked)):
        tap.contains(text, '%s="%s"' % (label, value))


tap.run(r.close)
