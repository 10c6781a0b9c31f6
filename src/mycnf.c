#include "mycnf.h"

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes trim(struct bytes b)
{
	while (b.len && is_blank(b.p[0])) {
		b.p++;
		b.len--;
	}
	while (b.len && is_blank(b.p[b.len - 1]))
		b.len--;
	return b;
}

static struct bytes take_line(struct bytes *text)
{
	const uint8_t *end = text->len ? memchr(text->p, '\n', text->len) : NULL;
	size_t len = end ? (size_t)(end - text->p) : text->len;
	struct bytes line = bytes_of(text->p, len);

	*text = bytes_of(text->p + len + (end != NULL), text->len - len - (end != NULL));
	return trim(line);
}

/* Up to a '#' outside of quotes. */
static struct bytes cut_comment(struct bytes v)
{
	uint8_t quote = 0;

	for (size_t i = 0; i < v.len; i++) {
		uint8_t c = v.p[i];

		if (c == '\\' && quote)
			i++;
		else if (quote ? c == quote : c == '"' || c == '\'')
			quote = quote ? 0 : c;
		else if (c == '#' && !quote)
			return trim(bytes_of(v.p, i));
	}
	return v;
}

static char escaped(uint8_t c)
{
	switch (c) {
	case 'b': return '\b';
	case 't': return '\t';
	case 'n': return '\n';
	case 'r': return '\r';
	case 's': return ' ';
	case '\\':
	case '"':
	case '\'': return (char)c;
	default: return '\0';
	}
}

static bool copy_value(struct bytes v, char out[MYCNF_VALUE_LEN])
{
	size_t n = 0;

	if (v.len >= 2 && (v.p[0] == '"' || v.p[0] == '\'') && v.p[v.len - 1] == v.p[0])
		v = bytes_of(v.p + 1, v.len - 2);
	for (size_t i = 0; i < v.len; i++) {
		char c = (char)v.p[i];

		if (c == '\\' && i + 1 < v.len && escaped(v.p[i + 1]))
			c = escaped(v.p[++i]);
		if (c == '\0' || n + 1 == MYCNF_VALUE_LEN)
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

static bool read_port(struct bytes v, unsigned *out)
{
	unsigned n = 0;

	for (size_t i = 0; i < v.len; i++) {
		if (v.p[i] < '0' || v.p[i] > '9' || n > 65535)
			return false;
		n = n * 10 + (v.p[i] - '0');
	}
	*out = n;
	return n >= 1 && n <= 65535;
}

/* As MySQL does, '_' is '-'. ssl and tls alone are settings, too. */
static bool is_about_tls(struct bytes key)
{
	if (key.len < 3 || (memcmp(key.p, "ssl", 3) != 0 && memcmp(key.p, "tls", 3) != 0))
		return false;
	return key.len == 3 || key.p[3] == '-' || key.p[3] == '_';
}

static const char *read_pair(struct bytes line, struct mycnf *c)
{
	const uint8_t *eq = memchr(line.p, '=', line.len);
	size_t len = eq ? (size_t)(eq - line.p) : line.len;
	struct bytes key = trim(bytes_of(line.p, len)), v = { NULL, 0 };
	const struct {
		const char *key;
		char *value;
	} keys[] = {
		{ "user", c->user }, { "password", c->password }, { "host", c->host },
		{ "socket", c->socket },
	};

	if (eq)
		v = cut_comment(trim(bytes_of(eq + 1, line.len - len - 1)));
	if (is_about_tls(key))
		c->tls = true;
	if (bytes_eq(key, bytes_str("port")))
		return read_port(v, &c->port) ? NULL : "port is no number from 1 to 65535";
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (bytes_eq(key, bytes_str(keys[i].key)))
			return copy_value(v, keys[i].value) ? NULL : "the value is too long";
	return NULL;
}

enum err mycnf_parse(struct bytes text, struct mycnf *out, unsigned *line, const char **why)
{
	struct mycnf c = { .port = 0 };
	bool ours = false;

	*why = NULL;
	for (*line = 1; text.len && !*why; ++*line) {
		struct bytes l = take_line(&text);

		if (l.len == 0 || l.p[0] == '#' || l.p[0] == ';')
			continue;
		if (l.p[0] == '[')
			ours = bytes_eq(cut_comment(l), bytes_str("[client]"));
		else if (l.p[0] == '!')
			*why = "files are not included from here: give the one with [client]";
		else if (ours)
			*why = read_pair(l, &c);
	}
	if (*why) {
		--*line;
		return E_DATA;
	}
	*out = c;
	return E_OK;
}
