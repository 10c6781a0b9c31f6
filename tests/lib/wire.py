"""wire - HTTP as octets: requests are written by hand, answers are read strictly."""
import base64
import re
import socket
import urllib.parse


class Reply:
    """One HTTP response. headers: names in lower case."""

    def __init__(self, octets, to_head=False):
        head, mark, rest = octets.partition(b'\r\n\r\n')
        assert mark, 'no end of the head in %r' % octets[:200]
        lines = head.decode('ascii').split('\r\n')
        match = re.fullmatch(r'HTTP/1\.1 (\d{3}) [A-Za-z -]*', lines[0])
        assert match, 'status line %r' % lines[0]
        self.status, self.headers = int(match.group(1)), {}
        for line in lines[1:]:
            field = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): (.*\S)", line)
            assert field, 'header %r' % line
            name = field.group(1).lower()
            assert name not in self.headers, 'header %s twice' % name
            self.headers[name] = field.group(2)
        self.head = head
        bodiless = to_head or self.status in (204, 304) or self.status < 200
        length = 0 if bodiless else int(self.headers['content-length'])
        assert len(rest) >= length, 'body of %d octets, %d announced' % (len(rest), length)
        self.body, self.rest = rest[:length], rest[length:]


def replies(octets, heads=()):
    """All responses in what a connection sent: (interim statuses, responses)."""
    interim, out = [], []
    while octets:
        reply = Reply(octets, to_head=len(out) < len(heads) and heads[len(out)])
        octets = reply.rest
        if reply.status < 200:
            interim.append(reply.status)
        else:
            out.append(reply)
    return interim, out


def only(octets, to_head=False):
    """The one response that a connection sent."""
    interim, found = replies(octets, [to_head])
    assert len(found) == 1 and not interim, 'interim %r, %d responses' % (interim, len(found))
    return found[0]


def post(body, *fields, path='/', version='1.1', content_type='application/ocsp-request',
         length=None):
    lines = ['POST %s HTTP/%s' % (path, version), 'Host: test', *fields]
    if content_type:
        lines.append('Content-Type: ' + content_type)
    lines.append('Content-Length: %s' % (len(body) if length is None else length))
    return '\r\n'.join(lines).encode('latin1') + b'\r\n\r\n' + body


def target(request, prefix='/', safe=''):
    """The path of a GET (RFC 6960 A.1). safe: characters that stay as they are."""
    return prefix + urllib.parse.quote(base64.b64encode(request).decode(), safe)


def get(path, *fields, method='GET', version='1.1'):
    lines = ['%s %s HTTP/%s' % (method, path, version), 'Host: test', *fields]
    return '\r\n'.join(lines).encode('latin1') + b'\r\n\r\n'


def connect(port, source='127.0.0.1', seconds=20):
    return socket.create_connection(('127.0.0.1', port), seconds, (source, 0))
