/* progress.h: how far a long work has come, on standard error: a bar on a terminal, else a line each tenth. */
#ifndef MS_TOOLS_PROGRESS_H
#define MS_TOOLS_PROGRESS_H

typedef struct {
    const char *what;
    int terminal, shown;
} progress_t;

/** Begin to tell of `what`. */
void progress_begin(progress_t *progress, const char *what);

/** So many percent are done, and so many rows. Cheap to call. */
void progress_tell(progress_t *progress, int percent, long rows);

/** It is over; what follows begins on a line of its own. */
void progress_end(progress_t *progress, long rows);

#endif
