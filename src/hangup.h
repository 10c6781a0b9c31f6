/*
 * hangup.h - the end of a connection.
 */
#ifndef OCSP_HANGUP_H
#define OCSP_HANGUP_H

#include <stdbool.h>

#include "deadline.h"

/* Ends what goes out: whoever reads to the end has the answer. False: it is no socket, or the client
 * has gone, and there is nothing to wait for. */
bool hang_up(int out);

/* After that, reads what still comes in without a look at it. Does not close the descriptor. */
void hang_up_wait(int in, struct deadline d);

#endif
