"""proxies - nginx and HAProxy with the shipped examples, in front of a responder under test."""
import grp
import os
import shutil

import tap
from mariadb import free_port
from responder import account, accepts, wait_for

EXAMPLES = os.path.join(os.environ.get('srcdir', '.'), 'docs', 'examples')
RESPONDER = '127.0.0.1:2560'


def program(name):
    path = shutil.which(name, path=os.environ['PATH'] + ':/usr/sbin')
    return path or tap.skip('%s is not installed' % name)


def example(name, replace):
    """The text of an example with some of it replaced, all of which has to be in it."""
    with open(os.path.join(EXAMPLES, name)) as f:
        text = f.read()
    for old, new in replace.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def start(r, name, command, port):
    with open(r.path(name + '.out'), 'wb') as out:
        child = r.start_command(command, stdout=out, stderr=out)
    wait_for(lambda: child.poll() is not None or accepts(port), name, 20)
    with open(r.path(name + '.out'), errors='replace') as f:
        assert child.poll() is None, '%s ended: %s' % (name, f.read()[-2000:])
    return port


def run_nginx(r, site, port):
    """nginx with these lines in its http block, as the account of the responder."""
    binary, folder = program('nginx'), r.folder('nginx-%d' % port)
    who = 'user %s %s;' % (account().pw_name, grp.getgrgid(account().pw_gid).gr_name) \
        if os.getuid() == 0 else ''
    temporary = '\n'.join('%s_temp_path %s/%s;' % (kind, folder, kind) for kind in (
        'client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
    config = r.write('nginx-%d/nginx.conf' % port, 'daemon off;\n%s\nworker_processes 1;\npid %s/pid;\n'
                     'error_log stderr;\nevents { }\nhttp {\naccess_log off;\n%s\n%s\n}\n'
                     % (who, folder, temporary, site))
    return start(r, 'nginx', [binary, '-e', 'stderr', '-p', folder, '-c', config], port)


def start_nginx(r, file, replace):
    """nginx with this example; returns its port."""
    port = free_port()
    site = example(file, dict(replace, **{'listen 80;': 'listen 127.0.0.1:%d;' % port}))
    return run_nginx(r, site.replace('/var/cache/nginx/ocsp', r.path('nginx-%d' % port, 'cache')),
                     port)


def start_haproxy(r, file, replace):
    binary, port = program('haproxy'), free_port()
    text = example(file, dict(replace, **{'bind :80': 'bind 127.0.0.1:%d' % port}))
    return start(r, 'haproxy', [binary, '-db', '-f', r.write('haproxy-%d.cfg' % port, text)], port)
