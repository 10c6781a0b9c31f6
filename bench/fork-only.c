/*
 * fork-only.c - the least that a process for each connection can cost: accepts, forks, and the child
 * reads once, writes the same answer to everybody, and ends. Listens on 127.0.0.1 until it is ended.
 *
 *   fork-only PORT FILE
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static char answer[65536], request[4096];

static void serve(int c, size_t len)
{
	if (read(c, request, sizeof request) > 0 && write(c, answer, len) == (ssize_t)len)
		shutdown(c, SHUT_WR);
	_exit(read(c, request, sizeof request) == 0 ? 0 : 1);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int one = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char body[32768];
	size_t len, head;
	FILE *f;

	if (argc != 3 || !(f = fopen(argv[2], "rb")))
		return 64;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	len = fread(body, 1, sizeof body, f);
	head = (size_t)sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n"
			       "Connection: close\r\n\r\n", len);
	for (size_t i = 0; i < len; i++)
		answer[head + i] = body[i];
	signal(SIGCHLD, SIG_IGN);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	address.sin_port = htons((uint16_t)atoi(argv[1]));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(s, (struct sockaddr *)&address, sizeof address) != 0 || listen(s, 4096) != 0) {
		perror("fork-only");
		return 1;
	}
	for (;;) {
		int c = accept4(s, NULL, NULL, SOCK_CLOEXEC);

		if (c >= 0 && fork() == 0)
			serve(c, head + len);
		if (c >= 0)
			close(c);
	}
}
