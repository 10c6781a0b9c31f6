/*
 * hangup.h - the end of a connection.
 */
#ifndef OCSP_HANGUP_H
#define OCSP_HANGUP_H

#include "deadline.h"

/* Ends what goes out, and reads what still comes in without a look at it. Does not close the
 * descriptors, and leaves alone what is no socket. */
void hang_up(int in, int out, struct deadline d);

#endif
