"""plot - bars and curves as SVG, written by hand: no library is needed to draw them again."""
import math
from xml.sax.saxutils import escape

FONT = 'font-family="sans-serif" font-size="12" fill="#222"'
OURS, OTHERS = '#2a6fb0', '#b9b9b9'
COLOURS = ('#2a6fb0', '#c8553d', '#588b3a', '#7a5aa6', '#b08a2a', '#555555', '#1d9a9a', '#e377c2',
           '#9ccc3c', '#8c564b')


def _svg(width, height, body):
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
            'viewBox="0 0 %d %d">\n<rect width="100%%" height="100%%" fill="white"/>\n%s</svg>\n'
            % (width, height, width, height, ''.join(body)))


def _text(x, y, text, anchor='start', extra=''):
    return '<text x="%.1f" y="%.1f" text-anchor="%s" %s %s>%s</text>\n' % (
        x, y, anchor, FONT, extra, escape(text))


def _line(x1, y1, x2, y2, colour='#ddd'):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>\n' % (
        x1, y1, x2, y2, colour)


def number(value):
    return '{:,.0f}'.format(value) if value >= 100 else '%.3g' % value


def bars(title, unit, rows):
    """rows: (label, value, is it ours?), drawn from left to right on a linear scale."""
    left, row, top = 300, 24, 46
    width, height = 820, top + row * len(rows) + 14
    most = max(value for _, value, _ in rows)
    body = [_text(10, 24, '%s (%s)' % (title, unit), extra='font-weight="bold"')]
    for i, (label, value, ours) in enumerate(rows):
        y, length = top + i * row, (width - left - 90) * value / most
        body.append(_text(left - 8, y + 15, label, 'end'))
        body.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>\n'
                    % (left, y + 3, max(length, 1), row - 7, OURS if ours else OTHERS))
        body.append(_text(left + length + 6, y + 15, number(value)))
    return _svg(width, height, body)


def _ticks(low, high):
    return [10.0 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            if low <= 10.0 ** e * 1.001 and 10.0 ** e <= high * 1.001]


def curves(title, x_name, y_name, series, y_from_zero=False):
    """series: {name: [(x, y), ...]}; x logarithmic, y logarithmic or from zero."""
    left, right, top, bottom, width, height = 80, 220, 46, 330, 850, 380
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    x_low, x_high = min(xs), max(xs)
    y_low, y_high = (0, max(ys) * 1.15) if y_from_zero else (min(ys) / 1.3, max(ys) * 1.3)

    def px(x):
        share = math.log(x / x_low) / math.log(x_high / x_low) if x_high > x_low else 0.5
        return left + (width - left - right) * share

    def py(y):
        share = y / y_high if y_from_zero else math.log(y / y_low) / math.log(y_high / y_low)
        return bottom - (bottom - top) * share

    body = [_text(10, 24, title, extra='font-weight="bold"'),
            _text((left + width - right) / 2, height - 10, x_name, 'middle'),
            _text(10, top - 6, y_name)]
    for x in _ticks(x_low, x_high):
        body += [_line(px(x), top, px(x), bottom), _text(px(x), bottom + 16, number(x), 'middle')]
    y_ticks = [y_high * i / 5 for i in range(6)] if y_from_zero else _ticks(y_low, y_high)
    for y in y_ticks:
        body += [_line(left, py(y), width - right, py(y)),
                 _text(left - 6, py(y) + 4, number(y) if y else '0', 'end')]
    for i, (name, points) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        path = ' '.join('%.1f,%.1f' % (px(x), py(y)) for x, y in points)
        body.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>\n'
                    % (path, colour))
        if len(points) < 20:
            body += ['<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>\n' % (px(x), py(y), colour)
                     for x, y in points]
        body += ['<rect x="%d" y="%d" width="12" height="12" fill="%s"/>\n'
                 % (width - right + 14, top + 20 * i, colour),
                 _text(width - right + 32, top + 20 * i + 11, name)]
    return _svg(width, height, body)


def distribution(samples):
    """[(percent of requests that took longer, us)] of latencies, for curves(): 100 … 0.01."""
    ordered = sorted(samples)
    points = []
    for i in range(0, 401):
        share = 10 ** (-i / 100)        # of requests that are slower: 1 … 0.0001
        at = min(len(ordered) - 1, int(len(ordered) * (1 - share)))
        if share * len(ordered) < 1:
            break
        points.append((100 * share, max(ordered[at], 1)))
    return points


def ranges(title, unit, names, rows):
    """rows: (label, [(low, high, mark) or None for each of names]): a line from low to high on a
    logarithmic scale for each, in its colour; with a mark, hollow and that text behind it, which
    stands alone where low is None."""
    left, step, top, width = 300, 9, 64, 850
    row = step * len(names) + 9
    height = top + row * len(rows) + 34
    known = [r for _, values in rows for r in values if r and r[0]]
    low, high = min(r[0] for r in known) / 1.3, max(r[1] for r in known) * 1.3

    def px(value):
        return left + (width - left - 90) * math.log(value / low) / math.log(high / low)

    body = [_text(10, 24, '%s (%s)' % (title, unit), extra='font-weight="bold"')]
    for i, name in enumerate(names):
        body += ['<circle cx="%d" cy="44" r="4" fill="%s"/>\n' % (left + 120 * i, COLOURS[i]),
                 _text(left + 120 * i + 10, 48, name)]
    for x in _ticks(low, high):
        body += [_line(px(x), top, px(x), height - 30), _text(px(x), height - 12, number(x), 'middle')]
    for k, (label, values) in enumerate(rows):
        y = top + row * k + 12
        body.append(_text(left - 12, y + step * (len(names) - 1) / 2 + 4, label, 'end'))
        for i, value in enumerate(values):
            if not value:
                continue
            at, colour = y + step * i, COLOURS[i]
            if not value[0]:
                body.append(_text(width - 6, at + 4, value[2], 'end', 'style="fill:%s"' % colour))
                continue
            body += [_line(px(value[0]), at, px(value[1]), at, colour),
                     '<circle cx="%.1f" cy="%.1f" r="3" fill="%s" stroke="%s"/>\n'
                     % (px(value[0]), at, 'white' if value[2] else colour, colour),
                     _text(px(value[1]) + 6, at + 4, value[2])]
    return _svg(width, height, body)
