"""der - a strict reader of DER and a writer of it. It shares no code with what is tested."""
import re


class DERError(Exception):
    pass


class Node:
    """One item: tag octet, content octets, all octets, and the items inside a constructed one."""

    def __init__(self, tag, body, raw, kids):
        self.tag, self.body, self.raw, self.kids = tag, body, raw, kids

    def __getitem__(self, i):
        return self.kids[i]

    def __len__(self):
        return len(self.kids)

    def integer(self):
        return int.from_bytes(self.body, 'big', signed=True)

    def oid(self):
        return oid_text(self.body)


def parse(octets):
    """Reads one item that fills all the octets; anything that isn't DER raises DERError."""
    node, end = _item(octets, 0, len(octets), 0)
    if end != len(octets):
        raise DERError('%d octets after the end' % (len(octets) - end))
    return node


def _item(buf, start, end, depth):
    def fail(what):
        raise DERError('%s at offset %d' % (what, start))

    if depth > 40:
        fail('too deep')
    if end - start < 2:
        fail('truncated header')
    tag, length, at = buf[start], buf[start + 1], start + 2
    if tag & 0x1f == 0x1f:
        fail('tag in high form')
    if length & 0x80:
        n = length & 0x7f
        if n == 0 or n > 4 or at + n > end:
            fail('bad length')
        length = int.from_bytes(buf[at:at + n], 'big')
        if length < 128 or buf[at] == 0:
            fail('length not minimal')
        at += n
    if at + length > end:
        fail('length runs past the end')
    body, kids = buf[at:at + length], []
    if tag & 0x20:
        inner = at
        while inner < at + length:
            kid, inner = _item(buf, inner, at + length, depth + 1)
            kids.append(kid)
    fault = _fault(tag, body, kids)
    if fault:
        fail(fault)
    return Node(tag, body, buf[start:at + length], kids), at + length


def _fault(tag, body, kids):
    """What DER forbids in the content of a universal type; None if all is well."""
    if tag == 0x01:
        return None if body in (b'\x00', b'\xff') else 'BOOLEAN is neither 00 nor FF'
    if tag in (0x02, 0x0a):
        if not body:
            return 'empty INTEGER'
        if len(body) > 1 and body[0] in (0, 255) and body[0] >> 7 == body[1] >> 7:
            return 'INTEGER not minimal'
    if tag == 0x03:
        if not body or body[0] > 7 or (len(body) == 1 and body[0]):
            return 'BIT STRING with bad unused bits'
        if body[0] and body[-1] & ((1 << body[0]) - 1):
            return 'BIT STRING with padding that is not zero'
    if tag == 0x05 and body:
        return 'NULL with content'
    if tag == 0x06:
        if not body or body[-1] & 0x80:
            return 'OBJECT IDENTIFIER cut short'
        if any(c == 0x80 and (i == 0 or not body[i - 1] & 0x80) for i, c in enumerate(body)):
            return 'OBJECT IDENTIFIER with an arc that is not minimal'
    if tag == 0x18 and not re.fullmatch(rb'\d{14}Z', body):
        return 'GeneralizedTime is not YYYYMMDDHHMMSSZ'
    if tag in (0x10, 0x11):
        return 'primitive SEQUENCE or SET'
    if tag in (0x23, 0x24, 0x2c, 0x33, 0x36, 0x37, 0x38):
        return 'constructed string'
    if tag == 0x31 and [k.raw for k in kids] != sorted(k.raw for k in kids):
        return 'SET OF is not sorted'
    return None


def oid_text(body):
    arcs, value = [], 0
    for c in body:
        value = value << 7 | c & 0x7f
        if not c & 0x80:
            if not arcs:
                first = min(value // 40, 2)
                arcs += [first, value - 40 * first]
            else:
                arcs.append(value)
            value = 0
    return '.'.join(map(str, arcs))


def tlv(tag, *parts):
    body = b''.join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, 'big')
    return bytes([tag, 0x80 | len(length)]) + length + body


def sequence(*parts):
    return tlv(0x30, *parts)


def octets(value):
    return tlv(0x04, value)


def integer(n):
    return tlv(0x02, n.to_bytes((n if n >= 0 else ~n).bit_length() // 8 + 1, 'big', signed=True))


def oid(text):
    first, second, *rest = [int(x) for x in text.split('.')]
    out = bytearray()
    for arc in [first * 40 + second] + rest:
        digits = [arc & 0x7f]
        arc >>= 7
        while arc:
            digits.append(0x80 | arc & 0x7f)
            arc >>= 7
        out += bytes(reversed(digits))
    return tlv(0x06, bytes(out))


NULL = b'\x05\x00'
