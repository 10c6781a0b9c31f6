"""units - the installed units under a systemd of their own, which tests/lib/sysd-up.sh boots."""
import os
import shutil
import subprocess

import machine
import servers

MANAGER = os.path.join(machine.TOP, 'tests', 'lib', 'sysd-up.sh')
PORT = 2560
PLACE = '/srv/bench'

class Cannot(Exception):
    """No systemd comes up here; says why."""


class Systemd:
    def __init__(self, work, build, tools, fixture):
        self.work, self.tools = os.path.join(work, 'systemd'), tools
        files = os.path.join(work, 'systemd-files')
        machine.quietly(['make', '-s', '-C', build, 'install', 'DESTDIR=' + files])
        place = files + PLACE
        os.makedirs(place + '/db')
        for name in ('ca.pem', 'ca.key'):
            shutil.copy(fixture.r.path(name), place)
        shutil.copy(fixture.r.database.file, place + '/db/certs.db')
        shutil.copy(os.path.join(tools, 'load'), place)
        with open(place + '/password', 'w') as f:
            f.write('secret\n')      # for LoadCredential=
        shutil.copy(os.path.join(fixture.requests, '0.post'), place + '/request')
        config = fixture.write_config('units.ini', cache=None, signer=None, user=None,
                                      cert=PLACE + '/ca.pem', pkey=PLACE + '/ca.key')
        with open(config) as f:
            text = f.read().replace(fixture.r.database.file, PLACE + '/db/certs.db') \
                .replace(fixture.r.db['logfile'], '/var/log/ocsp_py.log')
        with open(files + '/etc/ocsp_py/config.ini', 'w') as f:
            f.write(text)
        os.makedirs(files + '/usr/lib/sysusers.d', exist_ok=True)
        done = subprocess.run([MANAGER, 'start', self.work, files], capture_output=True, text=True)
        if done.returncode:
            raise Cannot(done.stdout.strip())
        with open(os.path.join(machine.TOP, 'bench', 'full-sandbox.conf')) as f:
            self.full = f.read()
        self.sh('chown -R pycert: %s && chmod 755 %s' % (PLACE, PLACE))

    def sh(self, text, check=True):
        done = subprocess.run([MANAGER, 'exec', self.work, 'sh', '-c', text], capture_output=True,
                              text=True, timeout=60)
        if check and done.returncode:
            raise RuntimeError('%s: %s' % (text, done.stdout + done.stderr))
        return done.stdout.strip()

    def use(self, unit, full=False):
        """Serves the port with this unit, and nothing else."""
        self.sh('systemctl stop ocsp.socket ocsp-listen.socket ocsp-listen.service', check=False)
        folder = '/etc/systemd/system/ocsp@.service.d'
        self.sh('rm -rf %s; mkdir -p %s' % (folder, folder))
        if full:
            self.sh("cat > %s/full.conf <<'END'\n%sEND" % (folder, self.full))
        self.sh('systemctl daemon-reload; systemctl reset-failed; systemctl start ' + unit)
        self.load(0.5, 1)

    def load(self, seconds, at_once):
        result = servers.load(PLACE, PORT, PLACE + '/request', seconds, at_once,
                              inside=(MANAGER, 'exec', self.work))
        if result['failures'] or not result['answers']:
            raise RuntimeError('%d of %d requests failed: %s' % (
                result['failures'], result['answers'] + result['failures'],
                self.sh('journalctl -q --no-pager -n 20', check=False)))
        return result

    def locked_in(self):
        """What the kernel says of an instance that waits for the rest of a request."""
        return self.sh(
            "bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d; printf P >&3; sleep 0.5; "
            "main=$(systemctl show -P MainPID \"ocsp@*.service\" | head -1); "
            "grep -E \"^(CapEff|CapBnd|NoNewPrivs|Seccomp):\" /proc/$main/status'" % PORT)

    def close(self):
        subprocess.run([MANAGER, 'stop', self.work], capture_output=True)
