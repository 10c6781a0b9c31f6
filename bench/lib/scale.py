"""scale - does the number of cached answers, or of rows in the table, matter?"""
import os
import random
import subprocess

import machine
import processes

# Octets of a certificate in a row that nobody asks about: the tree of the index is as deep as with
# whole ones, and 10,000,000 of them are made in a minute.
FILLER_LEN = 100
ASKED = 200


def serial_at(template, i):
    """The serial that fill-cache gives to its i-th copy."""
    octets = bytearray.fromhex(template)
    octets[-1] = i & 255
    for k in range(4):
        octets[-2 - k] = i >> (8 + 8 * k) & 255
    return int.from_bytes(octets, 'big')


def alternate(tools, counts, commands, asked, rounds):
    """[(count, p50 in us)]: the command of each count with the requests of it, by turns."""
    total = {c: [] for c in counts}
    for _ in range(max(1, rounds // ASKED)):
        result = processes.spawn(tools, ASKED, asked[str(counts[0])], commands, requests=asked)
        for c in counts:
            total[c].append(result[str(c)]['p50'])
    return [(c, sorted(v)[len(v) // 2]) for c, v in total.items()]


class CacheSizes:
    """A cache of 10 answers, and others of any size, with answers that differ in their serial."""

    def __init__(self, fixture, tools):
        self.f, self.r, self.tools = fixture, fixture.r, tools
        fixture.warm([0])
        folder = fixture.issuer_folder()
        shard = [s for s in os.listdir(folder) if len(s) == 2][0]
        self.answer = os.path.join(folder, shard, os.listdir(os.path.join(folder, shard))[0])
        self.template = os.path.basename(self.answer)[:-4]
        self.made = {}

    def make(self, count):
        cache = self.r.folder('cache-%d' % count)
        issuer = os.path.join(cache, os.path.basename(self.f.issuer_folder()))
        requests = self.r.folder('asked-%d' % count)
        os.mkdir(issuer)
        subprocess.run([os.path.join(self.tools, 'fill-cache'), issuer, self.answer, str(count)],
                       check=True, preexec_fn=machine.die_with_parent)
        if os.getuid() == 0:
            account = self.r.account
            subprocess.run(['chown', '-R', '%d:%d' % (account.pw_uid, account.pw_gid), cache],
                           check=True)
        some = random.Random(count)
        for k in range(ASKED + 1):
            i = some.randrange(count)
            self.r.write('asked-%d/%d.der' % (count, k),
                         self.r.request(serial_at(self.template, i)))
        config = self.f.write_config('cache-%d.ini' % count, cache=cache, signer='/bin/false')
        self.made[count] = [self.f.program('ocsp-stdio'), '-c', config]
        return os.path.join(requests, '%d.der')

    def measure(self, counts, rounds):
        """[(count, p50 in us)], in alternation. A miss would be an error: there is no signer."""
        import ocsp
        asked = {str(c): self.make(c) for c in counts}
        for c in counts:
            with open(asked[str(c)].replace('%d', '0'), 'rb') as f:
                done = subprocess.run(self.made[c], stdin=f, capture_output=True)
            assert str(ocsp.Response(done.stdout)) == 'good', self.r.log()[-500:]
        commands = {str(c): self.made[c] for c in counts}
        found = alternate(self.tools, counts, commands, asked, rounds)
        # a million files: faster than what ends the fixture
        subprocess.run(['rm', '-rf', *(self.r.path('cache-%d' % c) for c in counts)], check=True)
        return found


class TableSizes:
    """Tables of any size in one MariaDB server. Who asks wants a nonce: such an answer is signed
    each time, and not kept."""

    def __init__(self, fixture, tools):
        self.f, self.r, self.tools = fixture, fixture.r, tools

    def make(self, count):
        import ocsp
        table, real = 'rows_%d' % count, min(count // 2 or 1, ASKED, len(self.f.serials))
        asked = self.f.serials[:real]
        numbers = ','.join("'%#x'" % s for s in asked)
        # the keys in their order, spread over all that serials begin with
        self.r.sql(
            'CREATE TABLE {t} LIKE list_certs; SET unique_checks=0, foreign_key_checks=0;'
            "INSERT INTO {t} SELECT LOWER(CONCAT('0x40', LPAD(HEX(seq * {step}), 8, '0'),"
            " LPAD(HEX(seq), 22, '0'))), NULL, NULL, REPEAT('x', {len}), 'Valid'"
            ' FROM seq_1_to_{n}; INSERT INTO {t} SELECT * FROM list_certs'
            ' WHERE cert_num IN ({numbers}); ANALYZE TABLE {t}'
            .format(t=table, step=max(1, (2 ** 32 - 1) // count), len=FILLER_LEN,
                    n=max(1, count - real), numbers=numbers))
        # as they are in a server that is asked about them now and then
        self.r.sql('SELECT SUM(LENGTH(cert)) FROM %s WHERE cert_num IN (%s)' % (table, numbers))
        self.r.folder('rows-%d' % count)
        for k in range(ASKED + 1):
            request = self.r.request(asked[k % real], ocsp.nonce(os.urandom(16)))
            self.r.write('rows-%d/%d.der' % (count, k), request)
        config = self.f.write_config('rows-%d.ini' % count, table=table, nonce='echo')
        return ([self.f.program('ocsp-sign'), '-c', config],
                self.r.path('rows-%d' % count, '%d.der'))

    def measure(self, counts, rounds):
        import ocsp
        commands, asked = {}, {}
        for c in counts:
            commands[str(c)], asked[str(c)] = self.make(c)
            with open(asked[str(c)].replace('%d', '0'), 'rb') as f:
                done = subprocess.run(commands[str(c)], stdin=f, capture_output=True)
            response = ocsp.Response(done.stdout)
            assert str(response) == 'good' and response.nonce, self.r.log()[-500:]
        return alternate(self.tools, counts, commands, asked, rounds)
