"""processes - what one whole process costs: wall time and memory in alternation, instructions."""
import os
import re
import subprocess
import tempfile

import machine

COLUMNS = ('min', 'p50', 'p99', 'mean', 'cpu', 'peak_kib', 'failed')


def spawn(tools, rounds, request, commands, first=0, requests=None):
    """commands: {name: argv}; request: a path, in which %d is the number of the round; requests:
    {name: path} for those that get another. Returns {name: {column: value}}, times in us."""
    argv = [os.path.join(tools, 'spawn'), str(rounds), '-f', str(first), request]
    for i, (name, command) in enumerate(commands.items()):
        own = ['-i', requests[name]] if requests and name in requests else []
        argv += (['--'] if i else []) + own + [name] + list(command)
    done = subprocess.run(argv, capture_output=True, text=True, check=True,
                          preexec_fn=machine.die_with_parent)
    results = {}
    for line in done.stdout.splitlines():
        name, *values = line.split('\t')
        results[name] = dict(zip(COLUMNS, map(float, values)))
        assert results[name]['failed'] == 0, '%s failed: %s' % (name, done.stderr[-500:])
    return results


def instructions(account, request, command):
    """Instructions in user mode, with an empty environment; the same in every run but for a few."""
    with tempfile.TemporaryDirectory(prefix='ocsp-bench-', dir='/tmp') as folder, \
            open(request, 'rb') as f:
        os.chmod(folder, 0o777)
        log = os.path.join(folder, 'log')
        options = {}
        if os.getuid() == 0:    # a program that gave up its rights could not write the log
            options = {'user': account.pw_uid, 'group': account.pw_gid, 'extra_groups': []}
        subprocess.run(['/usr/bin/valgrind', '--tool=callgrind', '--log-file=' + log,
                        '--callgrind-out-file=/dev/null', *command], stdin=f,
                       stdout=subprocess.DEVNULL, env={}, check=True,
                       **options)
        with open(log) as f:
            return int(re.search(r'refs:\s+([\d,]+)', f.read()).group(1).replace(',', ''))
