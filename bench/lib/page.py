"""page - the table, and docs/benchmarks.md with its pictures."""
import os

import machine
import plot

MARK = {True: 'yes', False: '**no**', None: ''}


def line(row):
    return '%-50s %14s | %-44s | %6s  %-14s %s' % (
        row.what, row.value, row.reference, row.ratio, row.bar, MARK[row.met])


def _all(results):
    return [row for rows in results.rows.values() for row in rows]


def table(results):
    out = ['| what | here | beside | ratio | bar | met |', '| --- | --- | --- | --- | --- | --- |']
    out += ['| %s | %s | %s | %s | %s | %s |' % (r.what, r.value, r.reference, r.ratio, r.bar,
                                                 MARK[r.met]) for r in _all(results)]
    return '\n'.join(out)


def _processes(results):
    out = ['| program | min µs | p50 µs | p99 µs | mean µs | processor µs | peak KiB | instructions |',
           '| --- | --- | --- | --- | --- | --- | --- | --- |']
    for name, s in results.spawned.items():
        count = results.instructions.get(name)
        out.append('| %s | %s | %s |' % (
            name, ' | '.join('{:,.0f}'.format(s[c]) for c in
                             ('min', 'p50', 'p99', 'mean', 'cpu', 'peak_kib')),
            '{:,}'.format(count) if count else ''))
    return '\n'.join(out)


def _latencies(results):
    out = ['| server | requests/s | p50 ms | p90 ms | p99 ms | p99.9 ms |',
           '| --- | --- | --- | --- | --- | --- |']
    for name, one in results.latency.items():
        out.append('| %s | %s | %s |' % (name, '{:,.0f}'.format(one['rps']), ' | '.join(
            '%.2f' % (one[c] / 1000) for c in ('p50', 'p90', 'p99', 'p999'))))
    return '\n'.join(out)


def _growth(points, name):
    out = ['| %s | p50 µs |' % name, '| --- | --- |']
    return '\n'.join(out + ['| {:,} | {:,.0f} |'.format(n, value) for n, value in points])


TEXT = '''# Benchmarks

Written by `{command}` in {minutes:.0f} minutes, of revision {revision}. Ratios are what counts: each
comes from runs in alternation on one machine, and other machines have other microseconds.

## The table

{table}
{notes}
What bounds each, and what was done about it, is in [performance.md](performance.md).

## A whole process

![cost per answer](benchmarks/cost.svg)

{processes}

Wall time is from `posix_spawn()` to the end of the process, standard output `/dev/null`; processor
time is of that process alone (of a miss, without its `ocsp-sign`). Peak memory is the kernel's
`VmHWM` as the process ends. Instructions are those of user mode by callgrind, with an empty
environment. The configuration is the shipped `config.ini` with the values of the place. Each miss is
about another certificate, in a cache whose 256 folders exist; the cache lies in memory
(`/dev/shm`), so that the disk's other users are not measured. CA key, certificates' issuer and
`openssl dgst -sha256 -sign`: the same RSA-2048 key.

## Requests per second

![requests per second](benchmarks/throughput.svg)

{latencies}

The best of several rounds in alternation. One connection per request, 8 at once, except where
connections are kept (4). The request is the
same GET for all of them; nginx answers it with a file of the same octets, CFSSL, by POST since it
can't read it as a GET, from a list of answers in its memory, `openssl ocsp` signs each time. What is
sent is compared octet by octet, but for an empty program's and `openssl ocsp`'s. Client and server share the processors.

![latency](benchmarks/latency.svg)

## Sizes

![cost against the cache's size](benchmarks/cache.svg)

{cache}

![cost against the table's size](benchmarks/table.svg)

{rows}

Cached answers lie on the disk's file system, and {asked} of them, chosen at random, are asked about
in turn. A row of the table that nobody asks about has {filler} octets for a certificate; the rows
that are asked about were read once before, and their answers have a nonce, so that each is signed.

## Machine and versions

| | |
| --- | --- |
{machine}

## Commands

    bench/run                       # everything, some 15 minutes; --install gets what is missing
    bench/run --quick               # three minutes
    bench/run --only listen         # one part, no page
    tests/budget.py                 # instructions, libraries and system calls against a budget

What they do by hand, e.g. for a hit:

    bench/spawn 1000 request.http empty ./empty -- hit ocsp-stdio -c config.ini
    env -i valgrind --tool=callgrind ocsp-stdio -c config.ini < request.http
    wrk -t1 -c8 -d2s -H 'Connection: close' http://127.0.0.1:2560/MFMwUTBPME0wSzAJ...
'''


def pictures(results):
    drawn = {
        'cost': plot.bars('Cost per answer, median', 'µs of a whole process',
                          sorted(results.cost, key=lambda r: r[1])),
        'throughput': plot.bars('Answers by launcher', 'requests/s',
                                sorted(results.throughput, key=lambda r: -r[1])),
        'latency': plot.curves('Latency, 8 at once', 'percent of requests that take longer', 'µs',
                               {n: plot.distribution(v) for n, v in results.samples.items() if v}),
        'cache': plot.curves('A hit', 'cached answers', 'µs', {'hit': results.cache}, True),
        'table': plot.curves('A miss', 'rows of the table', 'µs', {'ocsp-sign': results.table},
                             True),
    }
    return drawn


def write(results, folder, command, seconds):
    import scale
    notes = ''.join('\n- %s' % n for n in sorted(set(results.notes)))
    text = TEXT.format(
        command=command, minutes=seconds / 60, revision=machine.revision(), table=table(results),
        notes='\n%s\n' % notes if notes else '', processes=_processes(results),
        latencies=_latencies(results), cache=_growth(results.cache, 'cached answers'),
        rows=_growth(results.table, 'rows'), asked=scale.ASKED, filler=scale.FILLER_LEN,
        machine='\n'.join('| %s | %s |' % pair for pair in machine.describe()))
    os.makedirs(os.path.join(folder, 'benchmarks'), exist_ok=True)
    with open(os.path.join(folder, 'benchmarks.md'), 'w') as f:
        f.write(text)
    for name, svg in pictures(results).items():
        with open(os.path.join(folder, 'benchmarks', name + '.svg'), 'w') as f:
            f.write(svg)
