#!/usr/bin/python3
"""ocsp-stdio as a process: who may start it, what it reads and writes, how and when it ends."""
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import ocsp
import tap
import wire
from responder import LONG, Responder, account, read_all, wait_for

r = Responder()
leaf = r.add(r.ca.issue('leaf'))
request = r.request(leaf)
TRY_LATER = bytes.fromhex('30030a0103')
USAGE, NOPERM, CONFIG = 64, 77, 78


def elapsed(start):
    return time.monotonic() - start


def signer(text, **keys):
    """With a shell script in ocsp-sign's place. A sandbox would not let a shell start."""
    r.script('work/signer', text)
    return r.configured(signer=r.path('work', 'signer'), sandbox='off', **keys)


# --- which protocol

@tap.test('the first octet decides: 30 is DER; a letter, CR or LF is HTTP (D-7)')
def autodetect():
    tap.equal(str(r.ask(request)), 'good')
    for first in (b'', b'\r\n', b'\n'):
        reply = wire.only(r.run('ocsp-stdio', octets=first + wire.post(request)).stdout)
        tap.equal((reply.status, str(ocsp.Response(reply.body))), (200, 'good'))
    tap.equal(wire.only(r.run('ocsp-stdio', octets=b'get / http/1.1\r\n\r\n').stdout).status, 400)


@tap.test('anything else is refused: no octet comes back (D-7)')
def neither():
    for octets in (b'\x00' * 10, b'\xff', b' GET', b'\x16\x03\x01\x02\x00', b'1'):
        done = r.run('ocsp-stdio', octets=octets)
        tap.equal((done.returncode, done.stdout), (0, b''), octets)


@tap.test('--http and --der do not guess')
def told():
    reply = wire.only(r.run('ocsp-stdio', '--http', octets=request + b'\r\n\r\n').stdout)
    assert reply.status in (400, 501), reply.status
    answer = r.run('ocsp-stdio', '--der', octets=wire.post(request)).stdout
    tap.equal(ocsp.Response(answer).status, 'malformedRequest')


@tap.test('bare DER is answered at its own length, without an end of file (D-6)')
def no_end_of_file():
    child, sock = r.converse()
    with sock:
        start = time.monotonic()
        sock.sendall(request)
        tap.equal(str(ocsp.Response(read_all(sock))), 'good')
    assert elapsed(start) < 4.5, 'it waited for more'
    tap.equal(child.wait(60), 0)


@tap.test('bare DER with octets behind it, or cut short: malformedRequest (D-6, P-8)')
def der_length():
    for octets in (request + b'\x00', request + request, request[:-1], request[:1], b'\x30\x84'):
        done = r.run('ocsp-stdio', '--der', octets=octets)
        tap.equal(ocsp.Response(done.stdout).status, 'malformedRequest', octets.hex())


# --- the deadline

@tap.test('a client that says nothing: exit code 0 at the deadline (D-2, U-10)')
def silence():
    with r.configured(timeout='1'):
        start = time.monotonic()
        child, sock = r.converse()
        with sock:
            tap.equal(read_all(sock), b'')
        tap.equal(child.wait(60), 0)
    assert 0.5 < elapsed(start) < 4, '%.1f s' % elapsed(start)


@tap.test('no input at all: exit code 0')
def no_input():
    done = r.run('ocsp-stdio')
    tap.equal((done.returncode, done.stdout, done.stderr), (0, b'', b''))


def drip(sock, octets, pause):
    """Octet by octet; how long it took until the other side closed."""
    start = time.monotonic()
    try:
        for i in range(len(octets)):
            sock.sendall(octets[i:i + 1])
            time.sleep(pause)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return elapsed(start)


@tap.test('an octet now and then: ended at the absolute deadline (D-3)')
def slow():
    for octets in (request, wire.post(request)):
        with r.configured(timeout='1'):
            child, sock = r.converse()
            with sock:
                took = drip(sock, octets, 0.25)
            tap.equal(child.wait(60), 0)
        assert took < 5, '%.1f s' % took


@tap.test('HTTP that stops half-way: 408 (H-31)')
def request_timeout():
    with r.configured(timeout='1'):
        child, sock = r.converse()
        with sock:
            sock.sendall(wire.post(request)[:-5])
            tap.equal(wire.only(read_all(sock)).status, 408)


# --- what comes from outside

@tap.test('random octets: an answer or none, exit code 0, in time (D-1)')
def garbage():
    chance = random.Random(20)
    starts = (b'', b'\x30', b'\x30\x82', b'GET ', b'POST / HTTP/1.1\r\n', request[:40])
    with r.configured(timeout='5'):
        for n in range(10000 if LONG else 2000):
            octets = chance.choice(starts) + chance.randbytes(chance.choice((0, 1, 9, 80, 700)))
            done = r.run('ocsp-stdio', octets=octets)
            tap.equal(done.returncode, 0, octets.hex())
            if done.stdout[:1] == b'\x30':
                tap.equal(ocsp.Response(done.stdout).status, 'malformedRequest', octets.hex())
            elif done.stdout:
                status = wire.replies(done.stdout)[1][0].status
                assert 200 <= status < 506, '%d to %s' % (status, octets.hex())


# --- the signer fails

@tap.test('ocsp-sign hangs, dies, is missing, or talks nonsense: tryLater in time')
def bad_signers():
    cases = {'hangs': 'exec sleep 30', 'dies': 'kill -9 $$', 'says nothing': 'exit 0',
             'fails': 'cat >/dev/null; echo trouble >&2; exit 1', 'echoes': 'exec cat',
             'talks': 'echo hello', 'half an answer': "printf '\\060\\202\\001\\000abc'",
             'endless': 'exec cat /dev/zero', 'endless DER': "printf '\\060\\204\\177\\377\\377\\377'; exec cat /dev/zero"}
    for name, text in cases.items():
        with signer(text, timeout='2'):
            start = time.monotonic()
            done = r.run('ocsp-stdio', octets=request)
            tap.equal((done.returncode, done.stdout), (0, TRY_LATER), name)
            assert elapsed(start) < 4, '%s: %.1f s' % (name, elapsed(start))
    with r.configured(signer='/nonexistent/ocsp-sign'):
        tap.equal(r.run('ocsp-stdio', octets=request).stdout, TRY_LATER, 'is missing')


@tap.test('what ocsp-sign says about another certificate is not passed on')
def another_answer():
    other = r.add(r.ca.issue('another'))
    r.write('work/other.der', r.ask(r.request(other)).der)
    with signer('exec cat %s' % r.path('work', 'other.der')):
        tap.equal(r.run('ocsp-stdio', octets=request).stdout, TRY_LATER)


@tap.test('a hanging ocsp-sign is killed, and no process stays behind')
def no_orphans():
    mark = r.path('work', 'pid')
    with signer('echo $$ > %s; exec sleep 30' % mark, timeout='1'):
        tap.equal(r.run('ocsp-stdio', octets=request).stdout, TRY_LATER)
    with open(mark) as f:
        pid = int(f.read())
    wait_for(lambda: not os.path.exists('/proc/%d' % pid), 'the end of ocsp-sign', 5)


@tap.test('HTTP gets tryLater as 200, not to be cached')
def http_try_later():
    with r.configured(signer='/nonexistent/ocsp-sign'):
        reply = wire.only(r.run('ocsp-stdio', octets=wire.post(request)).stdout)
    tap.equal((reply.status, reply.body), (200, TRY_LATER))
    tap.equal(reply.headers['cache-control'], 'no-store')


@tap.test('a broken configuration, whoever has started it: internalError, and exit code 78')
def broken_configuration():
    before, text = r.config, '[ocsp]\nuser=%s\nnonsense\n' % r.account.pw_name
    r.config = r.write('broken.ini', text)
    try:
        starts = [{}]
        if os.getuid() == 0:
            starts.append({'user': r.account.pw_uid, 'group': r.account.pw_gid, 'extra_groups': []})
        for options in starts:
            done = r.run('ocsp-stdio', octets=request, **options)
            tap.equal(ocsp.Response(done.stdout).status, 'internalError')
            tap.equal(done.returncode, 78)
            tap.contains(done.stderr, b'broken.ini:3')
    finally:
        r.config = before


# --- standard descriptors

@tap.test('standard error is never the socket: all three on one, as xinetd does')
def one_socket():
    with r.configured(signer='/nonexistent/ocsp-sign', db={'log': 'DEBUG', 'logfile': '/nonexistent/log'}):
        ours, theirs = socket.socketpair()
        child = r.start('ocsp-stdio', stdin=theirs, stdout=theirs, stderr=theirs)
        theirs.close()
        with ours:
            ours.sendall(request)
            tap.equal(read_all(ours), TRY_LATER)
        tap.equal(child.wait(60), 0)
    r.config, before = r.write('broken.ini', 'nonsense\n'), r.config
    ours, theirs = socket.socketpair()
    child = r.start('ocsp-stdio', stdin=theirs, stdout=theirs, stderr=theirs)
    theirs.close()
    r.config = before
    with ours:
        try:
            ours.sendall(request)
            octets = read_all(ours)
        except (BrokenPipeError, ConnectionResetError):     # it did not even read
            octets = b''
    assert octets == b'' or ocsp.Response(octets).code, octets


@tap.test('closed descriptors 0, 1, 2 are not taken by something else')
def closed_descriptors():
    command = ' '.join(r.command('ocsp-stdio'))
    r.write('work/req.der', request)
    for redirections in ('2>&-', '0<&-', '1>&-', '0<&- 1>&- 2>&-'):
        shell = subprocess.run(['sh', '-c', '%s < %s %s' % (command, r.path('work', 'req.der'),
                                                            redirections)],
                               capture_output=True, timeout=60, cwd=r.dir)
        if redirections == '2>&-':
            tap.equal(str(ocsp.Response(shell.stdout)), 'good')
        else:
            tap.equal(shell.stdout, b'', redirections)
        assert shell.returncode < 128, '%s: exit code %d' % (redirections, shell.returncode)
    tap.equal(str(r.ask(request)), 'good', 'the files are as they were')


@tap.test('a reader that has gone is no SIGPIPE death')
def broken_pipe():
    child, sock = r.converse()
    sock.sendall(request)
    sock.close()
    assert child.wait(60) >= 0, 'killed by signal %d' % -child.returncode


# --- FILE

def request_file(mode=0o640):
    return r.write('work/file.req', request, mode)


@tap.test('FILE: the answer replaces the request, owner and mode stay')
def file_mode():
    path = request_file()
    before = os.stat(path)
    done = r.run('ocsp-stdio', path)
    tap.equal((done.returncode, done.stdout, done.stderr), (0, b'', b''))
    with open(path, 'rb') as f:
        tap.equal(str(ocsp.Response(f.read())), 'good')
    after = os.stat(path)
    tap.equal((after.st_mode, after.st_uid), (before.st_mode, before.st_uid))
    assert after.st_ino != before.st_ino, 'written in place: a reader could see half of it'
    tap.equal([n for n in os.listdir(r.path('work')) if n.startswith('file.req')], ['file.req'])


@tap.test('FILE: garbage becomes malformedRequest, a missing file an exit code and a sentence')
def file_bad():
    path = r.write('work/file.req', b'garbage')
    tap.equal(r.run('ocsp-stdio', path).returncode, 0)
    with open(path, 'rb') as f:
        tap.equal(ocsp.Response(f.read()).status, 'malformedRequest')
    r.clear_log()
    done = r.run('ocsp-stdio', r.path('work', 'missing.req'))
    tap.equal(done.returncode, 74)
    tap.contains(r.log() + done.stderr.decode(), 'missing.req')


@tap.test('FILE: HTTP is not read from one, and not asked for')
def file_http():
    path = request_file()
    tap.equal(r.run('ocsp-stdio', '--http', path).returncode, 64)
    with open(path, 'rb') as f:
        tap.equal(f.read(), request)
    tap.equal(r.run('ocsp-stdio', '--der', path).returncode, 0)
    with open(path, 'rb') as f:
        tap.equal(str(ocsp.Response(f.read())), 'good')


@tap.test('FILE: one that is a link into another folder, within the sandbox')
def file_elsewhere():
    folder = r.folder('elsewhere')
    path = r.write('elsewhere/file.req', request)
    link = r.path('work', 'away.req')
    os.symlink(path, link)
    tap.equal(r.run('ocsp-stdio', link).returncode, 0, r.log()[-500:])
    assert os.path.islink(link)
    with open(path, 'rb') as f:
        tap.equal(str(ocsp.Response(f.read())), 'good')
    os.unlink(link)
    shutil.rmtree(folder)


@tap.test('what is configured may be a link into another folder, or a file: URI, within the sandbox')
def linked():
    r.folder('elsewhere')
    for name in ('ca.pem', 'ca.key'):
        with open(r.path(name), 'rb') as f:
            r.own(r.write('elsewhere/' + name, f.read(), 0o600))
        os.symlink('elsewhere/' + name, r.path('linked-' + name))
    for key in ('linked-ca.key', 'file:' + r.path('elsewhere', 'ca.key')):
        with r.configured(cert='linked-ca.pem', pkey=key, sandbox='require'):
            tap.equal(str(r.ask(request)), 'good', key)
    # a configuration without a folder's name, and a key beside that folder
    beside = r.folder('beside')
    os.rename(r.path('elsewhere', 'ca.key'), os.path.join(beside, 'ca.key'))
    with r.configured(pkey='../beside/ca.key', sandbox='require'):
        with open(r.config) as f:
            r.own(r.write('elsewhere/ocsp.ini', f.read().replace('cert=ca.pem', 'cert=./ca.pem')))
        done = subprocess.run([r.path('bin', 'ocsp-stdio'), '-c', 'ocsp.ini'], input=request,
                              cwd=r.path('elsewhere'), env=r.environment(), capture_output=True)
        tap.equal(str(ocsp.Response(done.stdout)), 'good', r.log()[-500:])
    shutil.rmtree(beside)
    shutil.rmtree(r.path('elsewhere'))


@tap.test('FILE: too long is malformed behind a link as well; what is no file is said to be none')
def file_odd():
    path = r.write('work/file.req', b'0' * 20000)
    link = r.path('work', 'link.req')
    os.symlink('file.req', link)
    tap.equal(r.run('ocsp-stdio', link).returncode, 0)
    os.unlink(link)
    with open(path, 'rb') as f:
        tap.equal(ocsp.Response(f.read()).status, 'malformedRequest')
    os.symlink('/dev/null', link)
    for path, why in ((r.path('work'), 'directory'), (link, 'Invalid argument')):
        r.clear_log()
        tap.equal(r.run('ocsp-stdio', path).returncode, 74)
        tap.contains(r.log(), path + ': ')
        tap.contains(r.log(), why)
    os.unlink(link)


@tap.test('FILE: the group stays, in a folder that gives new files its own')
def file_group():
    if os.getuid() != 0:
        tap.skip('only root can give a folder to any group')
    folder = r.folder('of-a-group')
    os.chown(folder, -1, 1)
    os.chmod(folder, 0o2775)
    path = r.write('of-a-group/file.req', request, 0o640)
    before = os.stat(path)
    tap.equal(r.run('ocsp-stdio', path).returncode, 0)
    after = os.stat(path)
    tap.equal((after.st_mode, after.st_gid), (before.st_mode, before.st_gid))
    assert after.st_ino != before.st_ino, 'written in place'


@tap.test('FILE: SIGTERM and the deadline leave tryLater in it')
def file_late():
    for timeout, stop in (('30', True), ('1', False)):
        path = request_file()
        with signer('exec sleep 30', timeout=timeout):
            child = r.start('ocsp-stdio', path)
            if stop:
                time.sleep(0.7)
                child.send_signal(signal.SIGTERM)
            child.wait(20)
        with open(path, 'rb') as f:
            tap.equal(f.read(), TRY_LATER, 'SIGTERM' if stop else 'deadline')


@tap.test('FILE: called by a link named ocsp.py, it answers as the predecessor did')
def stand_in():
    os.symlink('ocsp-stdio', r.path('bin', 'ocsp.py'))
    path = request_file()
    tap.equal(r.run('ocsp.py', path).returncode, 0)
    with open(path, 'rb') as f:
        tap.equal(str(ocsp.Response(f.read())), 'good')
    path = request_file()
    with signer('exec sleep 30', timeout='30'):
        child = r.start('ocsp.py', path)
        time.sleep(0.7)
        child.send_signal(signal.SIGTERM)
        tap.equal(child.wait(20), 0)
    with open(path, 'rb') as f:
        tap.equal(f.read(), TRY_LATER)


# --- who may start it

@tap.test('another user than user= is refused with a sentence')
def wrong_user():
    if os.getuid() == 0:
        other = pwd.getpwnam('daemon')
        options = {'user': other.pw_uid, 'group': other.pw_gid, 'extra_groups': []}
        os.chmod(r.config, 0o644)
        done = r.run('ocsp-stdio', octets=request, **options)
        name = account().pw_name
    else:
        with r.configured(user='daemon'):
            done = r.run('ocsp-stdio', octets=request)
        name = 'daemon'
    tap.equal((done.returncode, done.stdout), (NOPERM, b''))
    tap.contains(done.stderr.decode(), name)


@tap.test('root drops to user=, with its group alone')
def drops():
    if os.getuid() != 0:
        tap.skip('only root can drop to another user')
    with r.configured(timeout='3'):
        child, sock = r.converse()
        path = '/proc/%d/status' % child.pid
        wanted = '\t'.join([str(account().pw_uid)] * 4)

        def dropped():
            with open(path) as f:
                return re.search(r'^Uid:\s+' + wanted + '$', f.read(), re.M)

        with sock:
            wait_for(dropped, 'the drop to ' + account().pw_name)
            with open(path) as f:
                text = f.read()
    tap.equal(re.search(r'^Gid:\t(.*)$', text, re.M).group(1).split(), [str(account().pw_gid)] * 4)
    groups = re.search(r'^Groups:\t?(.*)$', text, re.M).group(1).split()
    assert groups in ([], [str(account().pw_gid)]), groups
    for line in ('CapPrm', 'CapEff'):
        tap.equal(int(re.search(line + r':\s+(\w+)', text).group(1), 16), 0, line)


@tap.test('a number does for user=')
def user_number():
    with r.configured(user=str(account().pw_uid)):
        tap.equal(str(r.ask(request)), 'good')


# --- configuration

BAD_CONFIG = (
    ('an unknown key', '[db]\nprot=1\n', 2, 'prot'),
    ('an unknown section', '[db]\n[nonsense]\n', 2, 'nonsense'),
    ('a line that is none', '[db]\nhost\n', 2, ''),
    ('a bad number', '[db]\nport=many\n', 2, 'port'),
    ('a bad period', '[ocsp]\nproducetime=5w\n', 2, 'producetime'),
    ('a key twice', '[db]\nhost=a\nhost=b\n', 3, 'host'),
    ('a bad level', '[db]\nlog=LOUD\n', 2, 'log'),
)


def bad_config(text, line, word):
    r.config, before = r.write('bad.ini', text), r.config
    try:
        for program in ('ocsp-stdio', 'ocsp-sign'):
            done = r.run(program, octets=request)
            tap.equal(done.returncode, CONFIG, program)
            tap.contains(done.stderr.decode(), 'bad.ini:%d:' % line, program)
            tap.contains(done.stderr.decode(), word, program)
            if program == 'ocsp-sign':
                tap.equal(done.stdout, b'', 'whoever asked may know an answer')
            else:
                tap.equal(ocsp.Response(done.stdout).status, 'internalError', program)
        checked = r.run('ocspctl', 'check')
        assert checked.returncode != 0
        tap.contains((checked.stderr + checked.stdout).decode(), 'bad.ini:%d' % line, 'ocspctl')
    finally:
        r.config = before


for name, text, line, word in BAD_CONFIG:
    tap.add('configuration: %s is named with its line' % name, bad_config, text, line, word)


@tap.test('configuration: a file that is missing is named')
def no_config():
    r.config, before = r.path('missing.ini'), r.config
    try:
        done = r.run('ocsp-stdio', octets=request)
        tap.equal(done.returncode, CONFIG)
        tap.contains(done.stderr.decode(), 'missing.ini')
    finally:
        r.config = before


@tap.test('command line: a wrong option, or two that do not go together, is 64')
def command_line():
    for args in (['--nonsense'], ['a', 'b'], ['-l', '127.0.0.1:0'], ['--listen', 'file']):
        done = r.run('ocsp-stdio', *args)
        tap.equal(done.returncode, USAGE, args)
        assert done.stderr, args


@tap.test('--help and --version')
def help_texts():
    for program in ('ocsp-stdio', 'ocsp-sign', 'ocspctl'):
        for option, word in (('--help', 'usage'), ('--version', program)):
            done = subprocess.run([r.path('bin', program), option], capture_output=True, text=True)
            tap.equal(done.returncode, 0, program + option)
            tap.contains(done.stdout, word)


@tap.test('nothing secret is in the log, whatever fails')
def no_secrets():
    with r.configured(password='hunter22', db={'log': 'DEBUG'}):
        r.run('ocsp-stdio', octets=request)
    assert 'hunter22' not in r.log()
    with open(r.path('ca.key')) as f:
        assert f.read().splitlines()[1] not in r.log()


# --- the program file

@tap.test('ocsp-stdio needs no library but libc, and none at all when it is static')
def libraries():
    dynamic = subprocess.run(['readelf', '-dl', r.path('bin', 'ocsp-stdio')], check=True,
                             capture_output=True, text=True).stdout
    needed = re.findall(r'\(NEEDED\).*\[(.*)\]', dynamic)
    extra = [n for n in needed if not re.match(r'(libc|libasan|libubsan|ld-linux.*)\.so', n)]
    tap.equal(extra, [])
    if os.environ.get('STATIC_FRONT') == 'yes':
        tap.equal(needed, [])
        assert 'INTERP' not in dynamic, 'it asks for a dynamic loader'
    assert 'GNU_RELRO' in dynamic
    header = subprocess.run(['readelf', '-h', r.path('bin', 'ocsp-stdio')], check=True,
                            capture_output=True, text=True).stdout
    assert re.search(r'Type:\s+DYN', header), 'not position-independent'


tap.run(r.close)
