/* pace.h: runs one piece of work in several threads for some seconds and prints how often and how fast it was done. */
#ifndef BENCH_PACE_H
#define BENCH_PACE_H

typedef struct {
    int threads;
    int seconds;
    int rate; /* pieces of work a second, of all threads together; 0: one after the other */
    /** Make what one thread needs; NULL: it can't work, and has said why on stderr. */
    void *(*start)(const void *baton);
    /** Do the work once; 0: it was done. `due`: when it should begin, by pace_now(). */
    int (*step)(void *own, double due);
    const void *baton;
} pace_t;

/** Run it and print "RESULT rate p50 p99 errors done" (1/s, microseconds, microseconds, counts). At a rate, a piece of work that begins late
 *  because those before it took long is timed from when it was due. 0: all threads worked. */
int pace_run(const pace_t *pace);

/** Seconds of a clock that never jumps. */
double pace_now(void);

/** A number from `from` to `to`, or the end of the program with a word on stderr. */
int pace_number(const char *name, const char *text, int from, int to);

#endif
