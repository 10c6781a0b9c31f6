/*
 * load.c - a bounded client: the same request again and again, for a number of seconds.
 *
 *   load [-k] [-e] [-c AT-ONCE] [-r RATE] [-s SECONDS] [-b BODY] [-o SAMPLES] PORT REQUEST
 *
 * Sends the octets of the file REQUEST to 127.0.0.1:PORT, on a connection each, or with -k one after
 * the other on AT-ONCE (8) connections. An answer is good if its status is 200 and its body is that
 * of the file BODY; with -e it is good if the connection ends, whatever came. -r RATE: that many in
 * a second, begun when they are due; latency counts from then, so that a server that stalls can't
 * slow down who measures it. Without it the next begins when one has ended.
 *
 * Prints: answers, failures, seconds, answers/s, and latency in us: min, p50, p90, p99, p99.9, max.
 * -o SAMPLES: the latencies of at most 100,000 answers, a line each. Exit code 1 if any failed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1024
#define MAX_ANSWER 65536
#define MAX_SAMPLES 20000000
#define TIMEOUT_US 10e6

struct connection {
	int fd;
	double due_us;
	bool sent, reused;
	size_t got;
	char answer[MAX_ANSWER];
};

static struct {
	bool keep, any;
	int at_once;
	double rate, seconds;
	struct sockaddr_in address;
	char *request, *body;
	size_t request_len, body_len;
} o = { .at_once = 8, .seconds = 2 };

static struct connection *connections;
static float *samples;
static size_t good, bad;
static int epoll;

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static char *load_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *p = malloc(MAX_ANSWER);

	if (!f || !p) {
		perror(path);
		exit(64);
	}
	*len = fread(p, 1, MAX_ANSWER, f);
	fclose(f);
	return p;
}

static void end(struct connection *c)
{
	close(c->fd);
	c->fd = -1;
	c->reused = false;
}

static void count(struct connection *c, bool ok)
{
	if (ok && good < MAX_SAMPLES)
		samples[good] = (float)(now_us() - c->due_us);
	if (ok)
		good++;
	else
		bad++;
}

/* A connection, or the next request on one. */
static void begin(struct connection *c, double due_us)
{
	static const int on = 1;
	struct epoll_event ev = { .events = EPOLLOUT, .data.ptr = c };

	c->due_us = due_us;
	c->got = 0;
	c->sent = false;
	if (c->fd >= 0) {
		c->reused = true;
		epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &ev);
		return;
	}
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		perror("socket");
		exit(1);
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(c->fd, (struct sockaddr *)&o.address, sizeof o.address) != 0 &&
	    errno != EINPROGRESS) {
		count(c, false);
		end(c);
		return;
	}
	epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev);
}

/* Where the body begins, and how long the whole answer is; 0 if that can't be told yet. */
static size_t whole_len(struct connection *c, size_t *body_at)
{
	char *head_end = memmem(c->answer, c->got, "\r\n\r\n", 4), *field;

	if (!head_end)
		return 0;
	*body_at = (size_t)(head_end - c->answer) + 4;
	*head_end = '\0';
	field = strcasestr(c->answer, "\r\nContent-Length:");
	*head_end = '\r';
	return field ? *body_at + strtoul(field + 17, NULL, 10) : 0;
}

static bool is_good(struct connection *c)
{
	size_t body_at, len = whole_len(c, &body_at);

	if (o.any)
		return true;
	if (!len || c->got != len || memcmp(c->answer, "HTTP/1.", 7) != 0 ||
	    memcmp(c->answer + 8, " 200", 4) != 0)
		return false;
	return !o.body ||
	       (len - body_at == o.body_len && memcmp(c->answer + body_at, o.body, o.body_len) == 0);
}

/* True if the request has come to its end, in whatever way. */
static bool go_on(struct connection *c)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	ssize_t n;
	size_t at;

	if (!c->sent) {
		n = send(c->fd, o.request, o.request_len, MSG_NOSIGNAL);
		if (n != (ssize_t)o.request_len) {
			count(c, o.any);
			end(c);
			return true;
		}
		c->sent = true;
		epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &ev);
		return false;
	}
	n = recv(c->fd, c->answer + c->got, MAX_ANSWER - c->got, 0);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n > 0) {
		c->got += (size_t)n;
		at = whole_len(c, &at);
		if (!o.keep || !at || c->got < at)
			return false;
		count(c, is_good(c));
		return true;
	}
	/* a connection that was used up is opened again */
	if (c->reused && c->got == 0) {
		double due_us = c->due_us;

		end(c);
		begin(c, due_us);
		return false;
	}
	count(c, o.any || (n == 0 && is_good(c)));
	end(c);
	return true;
}

static int ascending(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static void report(double seconds, const char *file)
{
	size_t n = good < MAX_SAMPLES ? good : MAX_SAMPLES;
	FILE *f = file ? fopen(file, "w") : NULL;

	for (size_t i = 0, step = n / 100000 + 1; f && i < n; i += step)
		fprintf(f, "%.0f\n", (double)samples[i]);
	if (f)
		fclose(f);
	qsort(samples, n, sizeof *samples, ascending);
#define AT(q) (n ? (double)samples[(size_t)((double)(n - 1) * (q))] : 0.0)
	printf("%zu\t%zu\t%.3f\t%.1f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\n", good, bad, seconds,
	       (double)good / seconds, AT(0), AT(0.5), AT(0.9), AT(0.99), AT(0.999), AT(1));
}

static void run(void)
{
	double start = now_us(), stop = start + o.seconds * 1e6, now = start;
	size_t begun = 0;
	int open = 0;

	while (now < stop || open) {
		struct epoll_event evs[64];
		struct timespec pause = { 0, 1000000 };
		double next_us = stop;
		int n;

		for (int i = 0; i < o.at_once && now < stop; i++) {
			if (connections[i].got != SIZE_MAX)
				continue;
			if (o.rate > 0) {
				next_us = start + (double)begun / o.rate * 1e6;
				if (next_us > now)
					break;
			} else {
				next_us = now;
			}
			begun++;
			begin(&connections[i], next_us);
			if (connections[i].fd < 0)
				connections[i].got = SIZE_MAX;
			else
				open++;
		}
		/* asleep until the next is due: the processor is the server's meanwhile */
		if (o.rate > 0 && next_us - now < 1000)
			pause.tv_nsec = next_us > now ? (long)((next_us - now) * 1000) : 0;
		n = epoll_pwait2(epoll, evs, 64, &pause, NULL);
		for (int i = 0; i < n; i++) {
			struct connection *c = evs[i].data.ptr;

			if (c->fd >= 0 && go_on(c)) {
				c->got = SIZE_MAX;	/* free */
				open--;
				if (c->fd >= 0)		/* silent until it is used again */
					epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd,
						  &(struct epoll_event){ .data.ptr = c });
			}
		}
		now = now_us();
		for (int i = 0; i < o.at_once; i++) {
			struct connection *c = &connections[i];

			if (c->got != SIZE_MAX && c->fd >= 0 && now - c->due_us > TIMEOUT_US) {
				count(c, false);
				end(c);
				c->got = SIZE_MAX;
				open--;
			}
		}
	}
}

int main(int argc, char **argv)
{
	const char *file = NULL;
	double start;
	int opt;

	while ((opt = getopt(argc, argv, "kec:r:s:b:o:")) != -1) {
		switch (opt) {
		case 'k': o.keep = true; break;
		case 'e': o.any = true; break;
		case 'c': o.at_once = atoi(optarg); break;
		case 'r': o.rate = atof(optarg); break;
		case 's': o.seconds = atof(optarg); break;
		case 'b': o.body = load_file(optarg, &o.body_len); break;
		case 'o': file = optarg; break;
		default: return 64;
		}
	}
	if (argc - optind != 2 || o.at_once < 1 || o.at_once > MAX_CONNECTIONS) {
		fprintf(stderr, "usage: load [-k] [-e] [-c AT-ONCE] [-r RATE] [-s SECONDS] [-b BODY] "
				"[-o SAMPLES] PORT REQUEST\n");
		return 64;
	}
	o.address.sin_family = AF_INET;
	o.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	o.address.sin_port = htons((uint16_t)atoi(argv[optind]));
	o.request = load_file(argv[optind + 1], &o.request_len);
	connections = calloc((size_t)o.at_once, sizeof *connections);
	samples = malloc(MAX_SAMPLES * sizeof *samples);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!connections || !samples || epoll < 0)
		return 71;
	for (int i = 0; i < o.at_once; i++) {
		connections[i].fd = -1;
		connections[i].got = SIZE_MAX;
	}
	alarm((unsigned)o.seconds + 60);
	prctl(PR_SET_TIMERSLACK, 1000ul);
	start = now_us();
	run();
	report((now_us() - start) / 1e6, file);
	return bad ? 1 : 0;
}
