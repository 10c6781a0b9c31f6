/* What a killed listener had in hand is served once: by its keeper, or by the instance that was
 * forked for it. */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper.h"

#define OUT_OF_SIGHT 300	/* a number where the keeper doesn't look */
#define NO_KEEPER 77

static int peer;		/* the responder's end of the connection, in the listener */

/* what who serves says */
static char instance[] = "i", keeper[] = "k", second_keeper[] = "K";

static void serve(void *context, int connection)
{
	if (write(connection, context, 1) != 1)
		_exit(1);
}

static int accept_one(struct keeper *k)
{
	keeper_next(k);
	return dup(peer);
}

/* Forks an instance for the connection; it begins after so many milliseconds. */
static void fork_instance(struct keeper *k, int connection, unsigned ms)
{
	pid_t listener = getpid(), pid = fork();

	if (pid != 0)
		return;
	if (ms)
		usleep(ms * 1000);
	else
		while (getppid() == listener)
			;	/* as soon as the keeper may */
	if (keeper_claim(k))
		serve(instance, connection);
	_exit(0);
}

static void has_nothing(struct keeper *k)
{
	(void)k;
}

static void has_accepted(struct keeper *k)
{
	accept_one(k);
}

static void has_closed(struct keeper *k)
{
	close(accept_one(k));
}

static void has_forked(struct keeper *k)
{
	fork_instance(k, accept_one(k), 1);
	usleep(300000);
}

static void forks_at_the_end(struct keeper *k)
{
	fork_instance(k, accept_one(k), 0);
}

/* The instance comes late: the next connection was waited for already. */
static void goes_on(struct keeper *k)
{
	int connection = accept_one(k);

	fork_instance(k, connection, 200);
	close(connection);
	keeper_next(k);
}

static void has_stopped_its_keeper(struct keeper *k)
{
	accept_one(k);
	keeper_stop(k);
}

static void has_had_its_keeper_replaced(struct keeper *k)
{
	pid_t before = k->pid;

	keeper_ended(k, before + 1);
	keeper_start(k, serve, keeper);
	if (k->pid != before)
		_exit(1);
	kill(before, SIGKILL);
	waitpid(before, NULL, 0);
	keeper_ended(k, before);
	keeper_start(k, serve, second_keeper);
	accept_one(k);
}

static void listen_and_end(void (*act)(struct keeper *k))
{
	struct keeper k;

	keeper_init(&k);
	if (k.listener < 0)
		_exit(NO_KEEPER);
	keeper_start(&k, serve, keeper);
	act(&k);
	kill(getpid(), SIGKILL);
}

/* Runs a listener that does this and is killed; what its client gets until the last process has
 * closed the connection. */
static const char *client_gets(void (*act)(struct keeper *k))
{
	static char got[16];
	struct pollfd p;
	size_t len = 0;
	int pair[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		peer = fcntl(pair[1], F_DUPFD, OUT_OF_SIGHT);
		close(pair[0]);
		close(pair[1]);
		listen_and_end(act);
	}
	close(pair[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_KEEPER) {
		close(pair[0]);
		skip();
	}
	assert_true(WIFSIGNALED(status));
	p = (struct pollfd){ .fd = pair[0], .events = POLLIN };
	do {
		assert_int_equal(poll(&p, 1, 20000), 1);
		n = recv(pair[0], got + len, sizeof got - 1 - len, 0);
		assert_true(n >= 0);
		len += (size_t)n;
	} while (n);
	got[len] = '\0';
	close(pair[0]);
	return got;
}

static void serves_what_was_in_hand(void **state)
{
	(void)state;
	assert_string_equal(client_gets(has_accepted), "k");
}

static void leaves_alone_what_was_not(void **state)
{
	(void)state;
	assert_string_equal(client_gets(has_nothing), "");
	assert_string_equal(client_gets(has_closed), "");
	assert_string_equal(client_gets(has_forked), "i");
	assert_string_equal(client_gets(goes_on), "i");
}

static void serves_once_whoever_is_first(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		const char *got = client_gets(forks_at_the_end);

		if (strcmp(got, "i") != 0 && strcmp(got, "k") != 0)
			fail_msg("the client got '%s'", got);
	}
}

static void ends_when_it_is_told_to_and_begins_anew(void **state)
{
	(void)state;
	assert_string_equal(client_gets(has_stopped_its_keeper), "");
	assert_string_equal(client_gets(has_had_its_keeper_replaced), "K");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serves_what_was_in_hand),
		cmocka_unit_test(leaves_alone_what_was_not),
		cmocka_unit_test(serves_once_whoever_is_first),
		cmocka_unit_test(ends_when_it_is_told_to_and_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
