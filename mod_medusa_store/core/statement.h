/* statement.h: one SQL statement, named. Rows stand beside the resource they serve; db/ completes and prepares them. */
#ifndef MS_CORE_STATEMENT_H
#define MS_CORE_STATEMENT_H

#include "core/resource.h"

typedef enum {
    MS_SELECT, /* SELECT <columns of parts>[, extra] + tail */
    MS_INSERT, /* INSERT INTO <table of parts[0]> (<all columns>) VALUES (…) + tail */
    MS_UPDATE, /* UPDATE <table of parts[0]> SET <columns with MS_EDIT> WHERE id = %s */
    MS_CHANGE  /* tail alone: UPDATE or DELETE */
} ms_stmt_kind_t;

enum { MS_PARTS_MAX = 3 };

/** The shown columns of a resource, read under an alias of the FROM clause. */
typedef struct {
    const ms_resource_t *resource;
    const char *alias;
} ms_part_t;

typedef struct {
    const char *label; /* "customer.by_id"; NULL ends a table */
    ms_stmt_kind_t kind;
    ms_part_t parts[MS_PARTS_MAX];
    const char *extra; /* one more column of a select, or NULL: what is never part of the row (a hash) */
    const char *tail;  /* SQL; each value is %s; a literal percent sign is %% */
} ms_stmt_t;

#endif
