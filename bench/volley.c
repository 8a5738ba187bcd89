/* volley.c: requests at a steady rate, or as fast as answers come, and how long each answer took from the moment when it was due.
 *
 * usage: volley PORT CONNECTIONS SECONDS RATE < requests     RATE: a second, of all connections together; 0: no pause
 * The requests are raw HTTP/1.1 with bodies of a known length, each ended by a NUL byte; they are sent in turns. At a steady rate
 * a request that has to wait for its turn because the server is slow counts from when it was due: nothing is left out because
 * the answers before it were late. Prints pace.h's RESULT of the good answers (2xx), and the line
 *   REFUSED count slowest        of 429 and 503: count, and the slowest answer in microseconds
 * Debian's load tools can do only the one half: wrk knows no rate, hey has a rate and leaves out what was late. */
#include "pace.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { BUFFER = 65536, TIMEOUT = 30 /* seconds */ };

typedef struct {
    int port;
    char **requests;
    int count;
} setting_t;

typedef struct {
    const setting_t *setting;
    int fd;
    char buffer[BUFFER];
} client_t;

static atomic_long sent, refused, slowest;

static int connect_to(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { TIMEOUT, 0 };
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void *start(const void *baton)
{
    client_t *c = calloc(1, sizeof *c);

    if (!c) {
        return NULL;
    }
    c->setting = baton;
    c->fd = connect_to(c->setting->port);
    if (c->fd < 0) {
        perror("volley: connect");
        return NULL;
    }
    return c;
}

/* The length of the whole answer, as far as its head tells; 0: not yet. 204 and 304 have no body. */
static size_t length_of(const char *head)
{
    const char *end = strstr(head, "\r\n\r\n"), *length = strcasestr(head, "\r\nContent-Length:");

    if (!end) {
        return 0;
    }
    return (size_t)(end + 4 - head) + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
}

/* The status of the answer; 0: it did not come, or is not one that we can read (chunked). */
static int receive(client_t *c)
{
    size_t got = 0, want = 0;

    while (!want || got < want) {
        ssize_t n = got < BUFFER - 1 ? recv(c->fd, c->buffer + got, BUFFER - 1 - got, 0) : -1;

        if (n <= 0) {
            return 0;
        }
        got += (size_t)n;
        c->buffer[got] = '\0';
        want = want ? want : length_of(c->buffer);
    }
    return atoi(c->buffer + strcspn(c->buffer, " "));
}

static int says_close(const client_t *c)
{
    const char *word = strcasestr(c->buffer, "\r\nConnection: close");

    return word && word < strstr(c->buffer, "\r\n\r\n");
}

static int step(void *own, double due)
{
    client_t *c = own;
    const char *request = c->setting->requests[atomic_fetch_add(&sent, 1) % c->setting->count];
    int status = 0;

    if (c->fd < 0) {
        c->fd = connect_to(c->setting->port);
    }
    if (c->fd >= 0 && send(c->fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request)) {
        status = receive(c);
    }
    if (!status || says_close(c)) {
        close(c->fd);
        c->fd = -1;
    }
    if (status == 429 || status == 503) {
        long took = (long)((pace_now() - due) * 1e6), before = atomic_load(&slowest);

        atomic_fetch_add(&refused, 1);
        while (took > before && !atomic_compare_exchange_weak(&slowest, &before, took)) {
        }
        return 1;
    }
    return status / 100 != 2;
}

static int read_requests(setting_t *s)
{
    char *text = NULL;
    size_t size = 0;

    while (getdelim(&text, &size, '\0', stdin) > 0) {
        s->requests = realloc(s->requests, ((size_t)s->count + 1) * sizeof *s->requests);
        if (!s->requests) {
            return 0;
        }
        s->requests[s->count++] = strdup(text);
    }
    free(text);
    return s->count;
}

int main(int argc, char **argv)
{
    setting_t setting = { 0, NULL, 0 };
    pace_t pace = { .start = start, .step = step, .baton = &setting };
    int failed;

    if (argc != 5) {
        fputs("usage: volley PORT CONNECTIONS SECONDS RATE < requests\n", stderr);
        return 2;
    }
    setting.port = pace_number("PORT", argv[1], 1, 65535);
    pace.threads = pace_number("CONNECTIONS", argv[2], 1, 1024);
    pace.seconds = pace_number("SECONDS", argv[3], 1, 3600);
    pace.rate = pace_number("RATE", argv[4], 0, 100000);
    if (!read_requests(&setting)) {
        fputs("volley: no requests\n", stderr);
        return 1;
    }
    failed = pace_run(&pace);
    printf("REFUSED %ld %ld\n", atomic_load(&refused), atomic_load(&slowest));
    return failed;
}
