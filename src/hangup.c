#include "hangup.h"

#include <poll.h>
#include <sys/socket.h>

#include "bounds.h"
#include "io.h"

/* The client may still be sending: closing now would reset the connection and take the answer back
 * from the client's receive buffer. RFC 9112 9.6: stop sending, read what comes, then close. */
bool hang_up(int out)
{
	return shutdown(out, SHUT_WR) == 0;
}

void hang_up_wait(int in, struct deadline d)
{
	static uint8_t waste[16384];
	struct deadline end = deadline_sooner(d, LIM_DRAIN_MS);
	size_t n, total = 0;

	while (total < LIM_DRAIN_LEN && deadline_wait(end, in, POLLIN) &&
	       io_read_some(in, end, waste, sizeof waste, &n) == E_OK && n)
		total += n;
}
