/* progress.c: how far a long work has come. Called by import.c and export.c. */
#include "tools/progress.h"

#include <stdio.h>
#include <unistd.h>

enum { WIDTH = 40, STEP = 10 };

void progress_begin(progress_t *p, const char *what)
{
    p->what = what;
    p->terminal = isatty(STDERR_FILENO);
    p->shown = p->terminal ? -1 : 0;
}

static void draw(const progress_t *p, int percent, long rows)
{
    char bar[WIDTH + 1];
    int i;

    for (i = 0; i < WIDTH; i++) {
        bar[i] = i < percent * WIDTH / 100 ? '#' : '.';
    }
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r%-17s [%s] %3d %% %ld rows", p->what, bar, percent, rows);
    fflush(stderr);
}

void progress_tell(progress_t *p, int percent, long rows)
{
    if (p->terminal ? percent == p->shown : percent < p->shown + STEP) {
        return;
    }
    if (p->terminal) {
        draw(p, percent, rows);
        p->shown = percent;
        return;
    }
    p->shown = percent / STEP * STEP;
    fprintf(stderr, "%s: %d %%, %ld rows\n", p->what, p->shown, rows);
}

void progress_end(progress_t *p, long rows)
{
    progress_tell(p, 100, rows);
    if (p->terminal) {
        fputs("\n", stderr);
    }
}
