/* error.c: the lists of MySQL's and MariaDB's error numbers by what follows from them.
 *
 * Knows nothing but numbers; called by whoever runs statements: db.c for requests, direct.c for the administrator's tool. */
#include "db/error.h"

/* 0 ends the list, and is no error, which is most of what is asked. */
static int is_one_of(const int *list, int error)
{
    while (error && *list && *list != error) {
        list++;
    }
    return error && *list;
}

/* Beside the client's (2002 to 2056), what a server says as it goes, and what a client says that no longer knows a statement, or
 * where in a result it is, or had no memory in the middle of it (2008). */
int ms_error_is_lost(int error)
{
    static const int lost[] = { 1053, 1077, 1079, 1152, 1243, 1927, 2002, 2003, 2006, 2008, 2012, 2013, 2014, 2026, 2027, 2030, 2048,
                                2055, 2056, 4031, 0 };

    return is_one_of(lost, error);
}

/* 1047: no part of its cluster's majority. 1290, 1836: read-only, as a failover made it. */
int ms_error_is_elsewhere(int error)
{
    static const int elsewhere[] = { 1047, 1290, 1836, 0 };

    return is_one_of(elsewhere, error);
}

/* Its disk is full, its memory used up (below 100: it could not write or enlarge a file; 1026, 1030: its storage could not); the cluster
 * broke while it committed (1180); the administrator ended the statement, or a limit of the server did. */
int ms_error_is_unable(int error)
{
    static const int unable[] = { 3, 5, 14, 20, 1021, 1026, 1030, 1037, 1038, 1041, 1114, 1180, 1317, 1969, 3024, 0 };

    return is_one_of(unable, error) || ms_error_is_elsewhere(error);
}

/* A deadlock is also what a cluster says when two of its nodes wrote the same row: at any statement, and at COMMIT. */
int ms_error_is_race(int error)
{
    return error == MS_ER_LOCK_DEADLOCK || error == MS_ER_LOCK_WAIT_TIMEOUT;
}

int ms_error_quotes_value(int error)
{
    static const int quoting[] = { 1292, 1366, 1411, 1525, 1586, 1644, 1690, 1761, 0 };

    return is_one_of(quoting, error);
}

/* An unknown column, no such table, a column that is unknown to us and has no default. */
int ms_error_is_unmigrated(int error)
{
    static const int schema[] = { 1054, 1146, 1364, 0 };

    return is_one_of(schema, error);
}

const char *ms_error_advice(int error)
{
    static const int rights[] = { 1044, 1142, 1143, 0 };

    return ms_error_is_unmigrated(error) ? "; are all migrations applied (medusa-store-admin migrate)?"
         : is_one_of(rights, error) ? "; the user of MedusaStoreDBParams needs SELECT, INSERT, UPDATE and DELETE on all tables" : "";
}
