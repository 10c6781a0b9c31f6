#include "conf-impl.h"

static bool is_digit(uint8_t ch)
{
	return ch >= '0' && ch <= '9';
}

static bool is_name_char(uint8_t ch)
{
	return is_digit(ch) || (conf_lower(ch) >= 'a' && conf_lower(ch) <= 'z') || ch == '_';
}

bool conf_same(struct bytes v, const char *word)
{
	size_t i = 0;

	while (i < v.len && word[i] && conf_lower(v.p[i]) == word[i])
		i++;
	return i == v.len && !word[i];
}

/* Takes decimal digits off the front: nine at most, so that no unit can make them overflow. */
static bool take_number(struct bytes *v, int64_t *out)
{
	int64_t n = 0;
	size_t i = 0;

	for (; i < v->len && is_digit(v->p[i]); i++) {
		if (i == 9)
			return false;
		n = n * 10 + (v->p[i] - '0');
	}
	if (i == 0)
		return false;
	*v = bytes_of(v->p + i, v->len - i);
	*out = n;
	return true;
}

bool conf_read_number(struct bytes v, int64_t *out)
{
	int64_t n;

	if (!take_number(&v, &n) || v.len)
		return false;
	*out = n;
	return true;
}

bool conf_read_period(struct bytes v, int64_t *seconds)
{
	int64_t n, unit;

	if (!take_number(&v, &n) || v.len != 1)
		return false;
	switch (conf_lower(v.p[0])) {
	case 'h': unit = 3600; break;
	case 'd': unit = DAY_S; break;
	case 'm': unit = 30 * DAY_S; break;
	case 'y': unit = 365 * DAY_S; break;
	default: return false;
	}
	*seconds = n * unit;
	return true;
}

bool conf_read_duration(struct bytes v, int64_t *seconds)
{
	int64_t n, unit;

	if (!take_number(&v, &n))
		return false;
	if (v.len == 0 || conf_same(v, "s"))
		unit = 1;
	else if (conf_same(v, "min"))
		unit = 60;
	else if (conf_same(v, "h"))
		unit = 3600;
	else if (conf_same(v, "d"))
		unit = DAY_S;
	else
		return false;
	*seconds = n * unit;
	return true;
}

bool conf_read_seconds(struct bytes v, int64_t *ms)
{
	int64_t n, fraction = 0;

	if (!take_number(&v, &n))
		return false;
	if (conf_same(v, "ms")) {
		*ms = n;
		return true;
	}
	if (v.len && v.p[0] == '.') {
		size_t digits;

		v = bytes_of(v.p + 1, v.len - 1);
		digits = v.len;
		if (!take_number(&v, &fraction))
			return false;
		digits -= v.len;
		if (digits > 3)
			return false;
		for (; digits < 3; digits++)
			fraction *= 10;
	}
	if (v.len && !conf_same(v, "s"))
		return false;
	*ms = n * 1000 + fraction;
	return true;
}

bool conf_read_bool(struct bytes v, bool *out)
{
	int i = conf_read_word(v, "no|yes|false|true|off|on|0|1");

	if (i < 0)
		return false;
	*out = i & 1;
	return true;
}

int conf_read_word(struct bytes v, const char *words)
{
	for (int i = 0; *words; i++) {
		size_t n = 0;

		while (words[n] && words[n] != '|')
			n++;
		if (n == v.len) {
			size_t same = 0;

			while (same < n && conf_lower(v.p[same]) == words[same])
				same++;
			if (same == n)
				return i;
		}
		words += n + (words[n] == '|');
	}
	return -1;
}

/* It goes into SQL as it is: an identifier, or two with a dot, that need no escaping. */
bool conf_is_table(struct bytes v)
{
	size_t len = 0, dots = 0;

	for (size_t i = 0; i < v.len; i++) {
		if (v.p[i] == '.') {
			if (len == 0 || dots++)
				return false;
			len = 0;
		} else if (!(is_name_char(v.p[i]) || v.p[i] == '$') || ++len > 64) {
			return false;
		}
	}
	return len > 0;
}

static bool is_port(struct bytes v)
{
	int64_t n;

	return conf_read_number(v, &n) && n >= 1 && n <= 65535;
}

bool conf_is_host(struct bytes v)
{
	bool v6 = v.len && v.p[0] == '[';
	size_t i = v6;

	for (; i < v.len && v.p[i] != (v6 ? ']' : ':'); i++)
		if (!is_name_char(v.p[i]) && v.p[i] != '-' && v.p[i] != '.' &&
		    !(v6 && (v.p[i] == ':' || v.p[i] == '%')))
			return false;
	if (i == v6)
		return false;
	if (v6 && i++ == v.len)
		return false;
	return i == v.len || (v.p[i] == ':' && is_port(bytes_of(v.p + i + 1, v.len - i - 1)));
}

bool conf_is_user(struct bytes v)
{
	if (v.len == 0 || v.len > 32 || v.p[0] == '-')
		return false;
	for (size_t i = 0; i < v.len; i++)
		if (!is_name_char(v.p[i]) && v.p[i] != '-' && v.p[i] != '.')
			return false;
	return true;
}

bool conf_is_uri(struct bytes v)
{
	size_t i = 0;

	while (i < v.len && (is_name_char(v.p[i]) || v.p[i] == '+' || v.p[i] == '-' ||
			     v.p[i] == '.') && v.p[i] != '_')
		i++;
	/* one letter is no scheme that anybody has registered */
	return i > 1 && i < v.len && v.p[i] == ':' && !is_digit(v.p[0]);
}
