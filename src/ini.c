#include "ini.h"

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t';
}

static bool is_control(char ch)
{
	return ((unsigned char)ch < 0x20 && ch != '\t') || ch == 0x7f;
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

/* What is between p and end, without the blanks around it. */
static struct bytes trimmed(const char *p, const char *end)
{
	p = skip_blanks(p, end);
	while (end > p && is_blank(end[-1]))
		end--;
	return bytes_of(p, (size_t)(end - p));
}

static const struct bytes none = { NULL, 0 };

static const char *control_in(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		if (is_control((char)b.p[i]))
			return "has a control character: retype the line in a text editor";
	return NULL;
}

static struct ini_item failed(struct bytes name, const char *error)
{
	return (struct ini_item){ .kind = INI_ERROR, .name = name, .error = error };
}

static struct ini_item section(const char *p, const char *end)
{
	const char *close = memchr(p, ']', (size_t)(end - p)), *after, *error;
	struct bytes name;

	if (!close)
		return failed(none, "has a '[' and no ']'");
	after = skip_blanks(close + 1, end);
	if (after < end && *after != '#' && *after != ';')
		return failed(none, "has something behind the ']': begin a new line there");
	name = trimmed(p, close);
	error = name.len ? control_in(name) : "has nothing between '[' and ']'";
	if (error)
		return failed(none, error);
	return (struct ini_item){ .kind = INI_SECTION, .name = name };
}

/* p is behind the opening quote. */
static struct ini_item quoted(struct bytes name, const char *p, const char *end)
{
	const char *begin = p, *after, *error;
	struct bytes value;

	for (; p < end && *p != '"'; p++) {
		if (*p != '\\')
			continue;
		if (++p == end || (*p != '"' && *p != '\\'))
			return failed(name, "has a single '\\' in quotes: write '\\\\' for it");
	}
	if (p >= end)
		return failed(name, "begins with a quote that isn't closed: put '\"' at its end");
	after = skip_blanks(p + 1, end);
	if (after < end && *after != '#')
		return failed(name, "has something behind the closing quote: "
				    "write '\\\"' for a quote inside");
	value = bytes_of(begin, (size_t)(p - begin));
	error = control_in(value);
	if (error)
		return failed(name, error);
	return (struct ini_item){ .kind = INI_VALUE, .name = name, .value = value, .quoted = true };
}

static struct ini_item key_value(const char *p, const char *end)
{
	const char *begin = p, *hash, *error;
	struct bytes name, value;

	while (p < end && *p != '=' && *p != ':' && *p != '#')
		p++;
	name = trimmed(begin, p);
	error = control_in(name);
	if (error)
		return failed(none, error);
	if (p == end || *p == '#')
		return failed(none, "has no '=': write key=value, or '#' before a comment");
	if (name.len == 0)
		return failed(name, "has no key before the '='");

	p = skip_blanks(p + 1, end);
	if (p < end && *p == '"')
		return quoted(name, p + 1, end);
	hash = memchr(p, '#', (size_t)(end - p));
	value = trimmed(p, hash ? hash : end);
	error = control_in(value);
	if (error)
		return failed(name, error);
	return (struct ini_item){ .kind = INI_VALUE, .name = name, .value = value };
}

struct ini ini_of(struct bytes text)
{
	const char *p = (const char *)text.p;

	if (text.len == 0)
		return (struct ini){ "", "", 0 };
	if (text.len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		return (struct ini){ p + 3, p + text.len, 0 };
	return (struct ini){ p, p + text.len, 0 };
}

struct ini_item ini_next(struct ini *i)
{
	while (i->p < i->end) {
		const char *p = i->p, *lf = memchr(p, '\n', (size_t)(i->end - p));
		const char *end = lf ? lf : i->end;

		i->p = lf ? lf + 1 : i->end;
		i->line++;
		if (*p == '#')
			continue;
		if (end > p && end[-1] == '\r')
			end--;
		p = skip_blanks(p, end);
		if (p == end || *p == '#' || *p == ';')
			continue;
		return *p == '[' ? section(p + 1, end) : key_value(p, end);
	}
	return (struct ini_item){ .kind = INI_END };
}

bool ini_text(const struct ini_item *item, char *out, size_t cap)
{
	struct bytes v = item->value;
	size_t n = 0;

	if (!item->quoted) {
		if (v.len >= cap)
			return false;
		if (v.len)
			memcpy(out, v.p, v.len);
		out[v.len] = '\0';
		return true;
	}
	for (size_t i = 0; i < v.len; i++, n++) {
		if (v.p[i] == '\\')
			i++;
		if (n + 1 >= cap)
			return false;
		out[n] = (char)v.p[i];
	}
	if (n >= cap)
		return false;
	out[n] = '\0';
	return true;
}
