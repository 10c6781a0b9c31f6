/*
 * store-mysql.h - a connection to MySQL or MariaDB, through either one's client library.
 */
#ifndef OCSP_STORE_MYSQL_H
#define OCSP_STORE_MYSQL_H

#include <mysql.h>

#include "store-backend.h"

#if defined(LIBMARIADB) || MYSQL_VERSION_ID < 80001
typedef my_bool sql_bool;
#else
typedef bool sql_bool;
#endif

/* Tries the hosts in their order, each with a part of the time that is left. what gets a
 * description of the server. NULL if none answers: error is a sentence with each one's reason. */
MYSQL *mysql_connect_any(const struct conf *c, struct deadline d, char *what, size_t what_cap,
			 char error[STORE_ERROR_LEN]);

#endif
