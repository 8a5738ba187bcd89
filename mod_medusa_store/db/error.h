/* error.h: what MySQL's error numbers say of the connection and of the statement. Inside db/ only. */
#ifndef MS_DB_ERROR_H
#define MS_DB_ERROR_H

/* Those that are known by name. */
enum {
    MS_ER_DUP_ENTRY = 1062,
    MS_ER_LOCK_WAIT_TIMEOUT = 1205,
    MS_ER_LOCK_DEADLOCK = 1213,
};

/** 1: the connection is gone; whether the statement ran is unknown. */
int ms_error_is_lost(int error);

/** 1: not by this server, or not now; a connection made anew may find another server, or the same one when it is well. */
int ms_error_is_unable(int error);

/** 1: not by this server, which refused the statement before it ran: it only reads, or its cluster goes on without it. */
int ms_error_is_elsewhere(int error);

/** 1: the tables are not those of this module; with a migration, or with the module that fits them, the statement is good. */
int ms_error_is_unmigrated(int error);

/** 1: the transaction lost a race, and nothing of it is kept once it is rolled back. */
int ms_error_is_race(int error);

/** 1: the text of the error quotes the value that was refused. */
int ms_error_quotes_value(int error);

/** What an administrator should look at, to be put behind the error's text; "": nothing in particular. */
const char *ms_error_advice(int error);

#endif
