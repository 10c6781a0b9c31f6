/*
 * sandbox.h - a process locks itself in before it reads the first octet from outside.
 *
 * No new privileges, no core file, not to be traced; Landlock where the kernel has it; a filter of
 * system calls on x86_64 and aarch64. What is open already stays open. All of it holds for every
 * child, and there is no way back.
 */
#ifndef OCSP_SANDBOX_H
#define OCSP_SANDBOX_H

#include <stdbool.h>

#include "conf.h"
#include "error.h"

/* Lists end with NULL, and may be NULL. A path that does not exist now grants nothing later. */
struct sandbox_setup {
	const char *const *read_paths;	/* files, or directories with all that is below */
	const char *const *write_paths;	/* the same, to read, write, create, rename and remove */
	const char *const *exec_paths;	/* to read and execute */
	/* May start ocsp-sign, whose needs are then included: network, libraries, the system's
	 * configuration. Its keys and database files still have to be among the paths. */
	bool spawns;
};

/*
 * To be called once, as the user that the process stays, and after log_open() and tzset(). Without
 * spawns and write_paths the filter is tight: read files, talk to open descriptors and Unix
 * sockets, fork; any other call kills the process (SIGSYS), opening a file to write is EACCES.
 * Else it is wide: all but what no answer ever needs, which is EPERM.
 *
 * SANDBOX_AUTO: E_OK, and error (room for 256) says what could not be had, or is empty.
 * SANDBOX_REQUIRE: E_INTERNAL if anything could not be had. SANDBOX_OFF: does nothing.
 */
MUST_CHECK enum err sandbox_enter(enum conf_sandbox mode, const struct sandbox_setup *s,
				  char error[256]);

#endif
