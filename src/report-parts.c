#include <inttypes.h>

#include "metrics-text.h"
#include "progress.h"
#include "report.h"

void html_text(FILE *f, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&': fputs("&amp;", f); break;
		case '<': fputs("&lt;", f); break;
		case '>': fputs("&gt;", f); break;
		case '"': fputs("&quot;", f); break;
		case '\'': fputs("&#39;", f); break;
		default: fputc(*s, f); break;
		}
	}
}

void html_number(FILE *f, int64_t n)
{
	char text[PROGRESS_NUMBER_LEN];

	fputs(progress_number(n, text), f);
}

void html_heading(FILE *f, const char *text, const char *sub)
{
	fputs("<section>\n<h2>", f);
	html_text(f, text);
	fputs("</h2>\n", f);
	if (!sub)
		return;
	fputs("<p class=\"dim\">", f);
	html_text(f, sub);
	fputs("</p>\n", f);
}

void html_bars_begin(FILE *f, const char *caption)
{
	fputs("<div><table><caption>", f);
	html_text(f, caption);
	fputs("</caption>\n", f);
}

void html_bar(FILE *f, const char *label, const char *kind, uint64_t part, uint64_t of,
	      uint64_t longest)
{
	fputs("<tr><th scope=\"row\">", f);
	html_text(f, label);
	fputs("</th><td class=\"bar\"><div>", f);
	if (part && longest)
		fprintf(f, "<i class=\"%s\" style=\"width:%.2f%%\"></i>", kind,
			100 * (double)part / (double)longest);
	fputs("</div></td><td class=\"n\">", f);
	html_number(f, (int64_t)part);
	fputs("</td><td class=\"n p\">", f);
	if (of)
		fprintf(f, "%.1f\u00a0%%", 100 * (double)part / (double)of);
	fputs("</td></tr>\n", f);
}

void html_bars_end(FILE *f)
{
	fputs("</table></div>\n", f);
}

void html_bound(const char *shown, char *out, size_t cap)
{
	const char *unit = shown + strspn(shown, ">0123456789.");

	snprintf(out, cap, "%s%.*s\u00a0%s", shown[0] == '>' ? "" : "\u2264\u00a0",
		 (int)(unit - shown), shown, strcmp(unit, "us") == 0 ? "\u00b5s" : unit);
}

void html_histogram(FILE *f, const char *caption, const uint64_t *buckets, unsigned n,
		    int64_t (*bound)(unsigned bucket),
		    const char *(*show)(int64_t n, char *out))
{
	uint64_t all = metrics_sum(buckets, n), longest = 0;
	unsigned first = n, last = 0;
	char shown[METRICS_SHOWN_LEN], label[METRICS_SHOWN_LEN + 16];

	for (unsigned i = 0; i < n; i++) {
		if (!buckets[i])
			continue;
		first = i < first ? i : first;
		last = i;
		longest = buckets[i] > longest ? buckets[i] : longest;
	}
	html_bars_begin(f, caption);
	for (unsigned i = first; all && i <= last; i++) {
		html_bound(show(bound(i), shown), label, sizeof label);
		html_bar(f, label, "", buckets[i], all, longest);
	}
	if (!all)
		fputs("<tr><td class=\"dim\">nothing yet</td></tr>\n", f);
	html_bars_end(f);
}

void html_columns(FILE *f, const char *caption, const char *kind, const uint64_t *values,
		  unsigned n, const char *first, const char *last)
{
	uint64_t highest = 0;

	for (unsigned i = 0; i < n; i++)
		highest = values[i] > highest ? values[i] : highest;
	fputs("<figure><figcaption>", f);
	html_text(f, caption);
	fputs("<span>at most ", f);
	html_number(f, (int64_t)highest);
	fputs(", in all ", f);
	html_number(f, (int64_t)metrics_sum(values, n));
	fprintf(f, "</span></figcaption>\n<svg viewBox=\"0 0 %u 100\" preserveAspectRatio=\"none\" "
		"role=\"img\" aria-label=\"", 10 * n);
	html_text(f, caption);
	fputs("\">", f);
	for (unsigned i = 0; i < n; i++) {
		double high = highest ? 100 * (double)values[i] / (double)highest : 0;

		if (values[i])
			fprintf(f, "<rect class=\"%s\" x=\"%u\" y=\"%.2f\" width=\"8\" "
				"height=\"%.2f\"><title>%" PRIu64 "</title></rect>", kind,
				10 * i + 1, high < 1 ? 99 : 100 - high, high < 1 ? 1 : high,
				values[i]);
	}
	fprintf(f, "</svg>\n<div class=\"axis\"><span>%s</span><span>%s</span></div></figure>\n",
		first, last);
}
