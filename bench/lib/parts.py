"""parts - what is measured, against which bar."""
import os
from collections import namedtuple

import fixture
import processes
import scale
import servers
import units

TITLES = {
    'hit': 'a cached answer, a process for each',
    'miss': 'an answer that has to be signed',
    'listen': '--listen, one connection per request, 8 at once',
    'keepalive': '--listen, connections that are kept',
    'units': 'systemd, Accept=yes',
    'cache': 'the number of cached answers',
    'rows': 'the number of rows in the table',
}

# what: of ours; value and reference: texts with a unit; ratio: text; met: None where there is no bar
Row = namedtuple('Row', 'what value reference ratio bar met')


class Results:
    def __init__(self):
        self.rows = {}          # part: rows of the table
        self.cost = []          # (label, us, ours) of a whole process
        self.spawned = {}       # name: columns of processes.spawn()
        self.instructions = {}
        self.throughput = []    # (label, requests/s, ours)
        self.latency = {}       # label: columns of servers.load()
        self.samples = {}       # label: latencies in us
        self.cache = []         # (answers, us)
        self.table = []         # (rows, us)
        self.notes = []


def us(value):
    return '{:,.0f} µs'.format(value)


def per_s(value):
    return '{:,.0f}/s'.format(value)


def at_most(what, value, reference, ratio, bar, text='at most %g x'):
    return Row(what, value, reference, '%.2f' % ratio, text % bar, ratio <= bar)


def at_least(what, value, reference, ratio, bar):
    return Row(what, value, reference, '%.2f' % ratio, 'at least %g x' % bar, ratio >= bar)


class Bench:
    def __init__(self, work, static, dynamic, tools, quick):
        self.work, self.static, self.dynamic = work, static, dynamic
        self.tools, self.quick = tools, quick
        self.results = Results()
        self.open = []

    def close(self):
        for thing in reversed(self.open):
            thing.close()

    def keep(self, thing):
        self.open.append(thing)
        return thing

    def drop(self, thing):
        self.open.remove(thing)
        thing.close()

    def fixture(self, store, leaves, **keys):
        return self.keep(fixture.Fixture(self.static, store, leaves, **keys))

    # --- a process for each

    def hit(self):
        f = self.fixture('sqlite', 1, cache='memory')
        f.warm([0])
        post = os.path.join(f.requests, '0.post')
        dynamic = f.add_program(os.path.join(self.dynamic, 'ocsp-stdio'), 'ocsp-stdio-dynamic')
        off = f.write_config('off.ini', sandbox='off')
        commands = {
            'empty program': [os.path.join(self.tools, 'empty')],
            'hit': [f.program('ocsp-stdio'), '-c', off],
            'hit, sandboxed': [f.program('ocsp-stdio'), '-c', f.config],
            'hit, dynamic build': [dynamic, '-c', off],
            'hit, dynamic build, sandboxed': [dynamic, '-c', f.config],
        }
        spawned = processes.spawn(self.tools, 500 if self.quick else 3000, post, commands)
        # valgrind and a filter of system calls do not go together
        counts = {n: processes.instructions(f.r.account, post, c) for n, c in commands.items()
                  if 'sandboxed' not in n}
        self.results.spawned.update(spawned)
        self.results.instructions.update(counts)
        self.results.cost += [(n, s['p50'], n != 'empty program') for n, s in spawned.items()]
        empty, one = spawned['empty program'], spawned['hit']

        def wall(name, what, bar):
            s = spawned[name]
            return at_most(what, us(s['p50']), us(empty['p50']) + ' (empty C program)',
                           s['p50'] / empty['p50'], bar)

        self.results.rows['hit'] = [
            wall('hit', 'hit, sandbox=off: wall time', 1.0),
            at_most('hit, sandbox=off: instructions', '{:,}'.format(counts['hit']),
                    '{:,}'.format(counts['empty program']),
                    counts['hit'] / counts['empty program'], 0.7),
            at_most('hit, sandbox=off: peak memory', '%d KiB' % one['peak_kib'],
                    '%d KiB' % empty['peak_kib'], one['peak_kib'] / empty['peak_kib'], 1.3),
            wall('hit, sandboxed', 'hit, default sandbox: wall time', 1.2),
            wall('hit, dynamic build', 'hit, dynamic build, sandbox=off: wall time', 1.25),
        ]
        self.drop(f)

    def miss(self):
        rounds = 200 if self.quick else 600
        names = ['whole', 'sandboxed', 'sign']
        f = self.fixture('mysql', len(names) * (rounds + 2), cache='memory')
        f.warm([0])
        f.make_shards()
        os.remove(os.path.join(f.issuer_folder(), self._only_file(f)))
        requests = f.split(names, rounds + 2)
        off = f.write_config('off.ini', sandbox='off')
        key = f.r.path('ca.key')
        labels = dict(zip(names, ('miss, MariaDB', 'miss, MariaDB, sandboxed',
                                  'ocsp-sign alone, MariaDB')))
        dgst = 'openssl dgst -sha256 -sign'
        commands = {
            dgst: ['/usr/bin/openssl', 'dgst', '-sha256', '-sign', key],
            labels['whole']: [f.program('ocsp-stdio'), '-c', off],
            labels['sandboxed']: [f.program('ocsp-stdio'), '-c', f.config],
            labels['sign']: [f.program('ocsp-sign'), '-c', f.config],
        }
        spawned = processes.spawn(self.tools, rounds, requests['sign'], commands,
                                  requests={labels[n]: requests[n] for n in names})
        signed = f.r.log().count('source=signed')
        assert signed >= len(names) * (rounds + 1), '%d answers were signed' % signed
        last = requests['sign'].replace('%d', str(rounds + 1))
        counts = {dgst: processes.instructions(f.r.account, last, commands[dgst]),
                  labels['sign']: processes.instructions(f.r.account, last,
                                                         [f.program('ocsp-sign'), '-c', off])}
        self.drop(f)
        sqlite = self._miss_sqlite(rounds // 2, dgst)
        self.results.spawned.update(spawned, **{'miss, SQLite': sqlite['miss, SQLite']})
        self.results.instructions.update(counts)
        self.results.cost += [(n, s['p50'], n != dgst) for n, s in spawned.items()]
        self.results.cost.append(('miss, SQLite', sqlite['miss, SQLite']['p50'], True))
        ref = spawned[dgst]

        def row(name, what, bar):
            s = spawned[name]
            text, ratio = us(ref['p50']) + ' (openssl dgst -sign)', s['p50'] / ref['p50']
            if bar:
                return at_most(what, us(s['p50']), text, ratio, bar)
            return Row(what, us(s['p50']), text, '%.2f' % ratio, '', None)

        self.results.rows['miss'] = [
            row('miss, MariaDB', 'miss, both programs, sandbox=off: wall time', 1.0),
            row('miss, MariaDB, sandboxed', 'the same with the default sandbox', None),
            row('ocsp-sign alone, MariaDB', 'miss, ocsp-sign by itself', 1.0),
            Row('miss, ocsp-sign: instructions', '{:,}'.format(counts[labels['sign']]),
                '{:,}'.format(counts[dgst]),
                '%.2f' % (counts[labels['sign']] / counts[dgst]), '', None),
            Row('miss, both programs, SQLite', us(sqlite['miss, SQLite']['p50']),
                us(sqlite[dgst]['p50']),
                '%.2f' % (sqlite['miss, SQLite']['p50'] / sqlite[dgst]['p50']), '', None),
        ]

    @staticmethod
    def _only_file(f):
        for base, _, names in os.walk(f.issuer_folder()):
            for name in names:
                if name.endswith('.der'):
                    return os.path.relpath(os.path.join(base, name), f.issuer_folder())
        raise AssertionError('nothing is cached')

    def _miss_sqlite(self, rounds, dgst):
        f = self.fixture('sqlite', rounds + 3, cache='memory')
        f.warm([rounds + 2])
        f.make_shards()
        off = f.write_config('off.ini', sandbox='off')
        commands = {dgst: ['/usr/bin/openssl', 'dgst', '-sha256', '-sign', f.r.path('ca.key')],
                    'miss, SQLite': [f.program('ocsp-stdio'), '-c', off]}
        spawned = processes.spawn(self.tools, rounds, os.path.join(f.requests, '%d.der'), commands)
        self.drop(f)
        return spawned

    # --- servers

    def _servers(self, *fields):
        """All of them on one cached answer; the target of a GET for it, the answer's file, and a
        function that names the request for a server. This CFSSL can't read a GET."""
        import wire
        f = self.fixture('sqlite', 1, cache='memory')
        f.warm([0])
        answer = f.answer(0)
        with open(os.path.join(f.requests, '0.der'), 'rb') as file:
            request = file.read()
        target = wire.target(request)
        s = self.keep(servers.Servers(f, self.tools))
        get = f.r.write('get', wire.get(target, *fields), 0o644)
        post = f.r.write('post', wire.post(request, *fields), 0o644)
        return f, s, target, answer, lambda name: post if name == 'cfssl' else get

    def listen(self):
        f, s, target, answer, request = self._servers('Connection: close')
        rounds, seconds = (2, 1) if self.quick else (7, 2)
        empty = os.path.join(self.tools, 'empty')
        s.listen('--listen', f.config)
        s.nginx(answer)
        s.fork_only('fork, a fixed answer', answer)
        s.fork_exec('fork and exec, empty program', empty)
        s.fork_exec('fork and exec, ocsp-stdio', f.program('ocsp-stdio'), '-c', f.config)
        s.xinetd('xinetd, ocsp-stdio', f.program('ocsp-stdio'), '-c', f.config)
        s.xinetd('xinetd, empty program', empty)
        s.openssl(f.serials[0])
        s.cfssl([answer])
        labels = {'nginx': 'nginx, static file', 'openssl': 'openssl ocsp -port',
                  'cfssl': 'CFSSL ocspserve'}
        rates = {n: [] for n in s.port}
        wrk = {'--listen': [], 'nginx': [], 'fork, a fixed answer': []}
        for _ in range(rounds):
            for name, port in s.port.items():
                samples = f.r.path('work', 'samples')
                is_empty = name.endswith('empty program')
                one = servers.load(self.tools, port, request(name), seconds, empty=is_empty,
                                   samples=samples, inside=s.inside.get(name, ()),
                                   body=None if name == 'openssl' or is_empty else answer)
                rates[name].append(one['rps'])
                self._note_failures(labels.get(name, name), one)
                if one['rps'] < max(rates[name]):
                    continue
                self.results.latency[labels.get(name, name)] = one
                with open(samples) as file:
                    self.results.samples[labels.get(name, name)] = [float(x) for x in file]
            for name in wrk:
                wrk[name].append(servers.wrk(s.port[name], target, seconds))
        # of each its best round: whatever else ran meanwhile, it was there for some of them only
        best = {n: max(v) for n, v in rates.items()}
        wrk = {n: max(v) for n, v in wrk.items()}
        ours = best['--listen']

        def row(name, bar):
            return at_least('--listen: requests/s', per_s(ours), '%s (%s)' % (
                per_s(best[name]), labels.get(name, name)), ours / best[name], bar)

        self.results.throughput += [(labels.get(n, n), v, n == '--listen')
                                    for n, v in best.items()]
        floor = wrk['fork, a fixed answer']
        half = self._at_half(s.port['--listen'], request('--listen'), answer, ours, rounds)
        self.results.rows['listen'] = [
            at_least('--listen: requests/s, wrk', per_s(wrk['--listen']),
                     per_s(wrk['nginx']) + ' (nginx, static file)',
                     wrk['--listen'] / wrk['nginx'], 0.5),
            Row('a fork per connection and a fixed answer, wrk', per_s(floor),
                per_s(wrk['nginx']) + ' (nginx, static file)', '%.2f' % (floor / wrk['nginx']), '',
                None),
            row('nginx', 0.5), row('fork and exec, empty program', 2), row('xinetd, ocsp-stdio', 4),
            row('xinetd, empty program', 4), row('openssl', 4),
            Row('--listen: requests/s', per_s(ours),
                '%s (CFSSL ocspserve)' % per_s(best['cfssl']), '%.2f' % (ours / best['cfssl']), '',
                None),
            Row('--listen: p99 at half of that load', '%.2f ms' % (half['p99'] / 1000),
                '%s, begun when due' % per_s(half['rps']), '', 'under 3 ms', half['p99'] < 3000),
        ]
        self.drop(s)
        self.drop(f)

    def _note_failures(self, name, one):
        if one['failures']:
            self.results.notes.append('%s: %d of %d requests were not answered as they should be'
                                      % (name, one['failures'], one['failures'] + one['answers']))

    def _at_half(self, port, get, answer, rate, rounds):
        runs = [servers.load(self.tools, port, get, 2 if self.quick else 5, at_once=64,
                             rate=rate / 2, body=answer) for _ in range(max(3, rounds - 2))]
        best = min(runs, key=lambda r: r['p99'])
        self._note_failures('--listen at half load', best)
        self.results.latency['--listen at half load'] = best
        return best

    def keepalive(self):
        f, s, _, answer, request = self._servers()
        rounds, seconds = (3, 1) if self.quick else (9, 2)
        s.listen('--listen', f.write_config('kept.ini', keepalive='100000'))
        s.nginx(answer)
        s.cfssl([answer])
        labels = {'--listen': '--listen, kept connections', 'nginx': 'nginx, kept connections',
                  'cfssl': 'CFSSL ocspserve, kept connections'}
        rates = {n: [] for n in s.port}
        for _ in range(rounds):
            for name, port in s.port.items():
                one = servers.load(self.tools, port, request(name), seconds, at_once=4, keep=True,
                                   body=answer)
                rates[name].append(one['rps'])
                self._note_failures(labels[name], one)
                if one['rps'] == max(rates[name]):
                    self.results.latency[labels[name]] = one
        best = {n: max(v) for n, v in rates.items()}
        self.results.throughput += [(labels[n], v, n == '--listen') for n, v in best.items()]
        ours = best['--listen']
        self.results.rows['keepalive'] = [
            at_least('--listen, keepalive, 4 connections: requests/s', per_s(ours),
                     per_s(best['nginx']) + ' (nginx, static file)', ours / best['nginx'], 1.0),
            Row('--listen, keepalive, 4 connections: requests/s', per_s(ours),
                per_s(best['cfssl']) + ' (CFSSL ocspserve)', '%.2f' % (ours / best['cfssl']), '',
                None),
        ]
        self.drop(s)
        self.drop(f)

    def units(self):
        f = self.fixture('sqlite', 1)
        try:
            d = self.keep(units.Systemd(self.work, self.static, self.tools, f))
        except units.Cannot as why:
            self.results.rows['units'] = [
                Row('Accept=yes: shipped unit', '-', str(why), '-', 'at least 4 x', None)]
            self.drop(f)
            return
        rounds, seconds = (2, 3) if self.quick else (5, 5)
        shipped, full = [], []
        for _ in range(rounds):
            d.use('ocsp.socket')
            shipped.append(d.load(seconds, 8))
            inside = d.locked_in()
            d.use('ocsp.socket', full=True)
            full.append(d.load(seconds, 8))
        # no less than what the listener has: no capabilities, no new privileges, a filter
        locked = all(line in inside.replace('\t', ' ').splitlines() for line in (
            'CapEff: 0000000000000000', 'CapBnd: 0000000000000000', 'NoNewPrivs: 1', 'Seccomp: 2'))
        d.use('ocsp-listen.socket')
        listen = d.load(seconds, 8)
        one, other = (max(v, key=lambda r: r['rps']) for v in (shipped, full))
        self.results.throughput += [
            ('systemd Accept=yes, shipped unit', one['rps'], True),
            ('systemd Accept=yes, full sandbox list', other['rps'], False),
            ('systemd, ocsp-listen.service', listen['rps'], True)]
        self.results.latency['systemd Accept=yes, shipped unit'] = one
        self.results.latency['systemd, ocsp-listen.service'] = listen
        row = at_least('Accept=yes, shipped unit: requests/s', per_s(one['rps']),
                       per_s(other['rps']) + ' (full sandbox list)', one['rps'] / other['rps'], 4)
        self.results.rows['units'] = [
            row._replace(met=row.met and locked),
            Row('the same: own sandbox is in force', 'yes' if locked else 'NO', inside
                .replace('\t', ' ').replace('\n', ', '), '', 'yes', locked)]
        self.drop(d)
        self.drop(f)

    # --- how many there are

    def _growth(self, what, points):
        first, last = points[0], points[-1]
        ratio = last[1] / first[1]
        return Row('%s, %s -> %s' % (what, '{:,}'.format(first[0]), '{:,}'.format(last[0])),
                   us(last[1]), us(first[1]), '%.2f' % ratio, 'within 10 %', ratio <= 1.1)

    def cache(self):
        f = self.fixture('sqlite', 1)
        counts = [10, 1000, 100000] + ([] if self.quick else [1000000])
        points = scale.CacheSizes(f, self.tools).measure(counts, 400 if self.quick else 2000)
        self.results.cache = points
        self.results.rows['cache'] = [self._growth('hit, cached answers', points)]
        self.drop(f)

    def rows(self):
        f = self.fixture('mysql', scale.ASKED, cache='memory',
                         options=('--innodb-buffer-pool-size=256M',))
        counts = [10, 1000, 100000, 1000000] + ([] if self.quick else [10000000])
        points = scale.TableSizes(f, self.tools).measure(counts, 200 if self.quick else 600)
        self.results.table = points
        self.results.rows['rows'] = [self._growth('miss, rows of the table', points)]
        self.drop(f)
