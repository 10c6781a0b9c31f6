/*
 * fork-exec.c - the least that a launcher can do: accepts, forks, and executes a program with the
 * connection as its standard input and output, as an inetd does. Listens on 127.0.0.1 until it is
 * ended.
 *
 *   fork-exec PORT PROGRAM [ARG...]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int one = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc < 3)
		return 64;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGCHLD, SIG_IGN);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	address.sin_port = htons((uint16_t)atoi(argv[1]));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(s, (struct sockaddr *)&address, sizeof address) != 0 || listen(s, 4096) != 0) {
		perror("fork-exec");
		return 1;
	}
	for (;;) {
		int c = accept4(s, NULL, NULL, SOCK_CLOEXEC);
		pid_t pid;

		if (c < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (c < 0)
			return 1;
		pid = vfork();
		if (pid == 0) {
			dup2(c, 0);
			dup2(c, 1);
			execv(argv[2], argv + 2);
			_exit(127);
		}
		close(c);
	}
}
