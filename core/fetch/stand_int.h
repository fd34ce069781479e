/* stand_int.h: a stand-in for other servers, for tests: HTTP/1.1 on 127.0.0.1, a thread for each connection. The target
 * says what it answers:
 *
 *   /hello  /echo (what was asked)  /close (hello, then the connection ends)  /status/N  /to/URL (302) /to303/ /to307/
 *   /big/N (with its length)  /endless (chunks)  /heads (fields without end)  /bomb (gzip, 158 times as long unpacked)
 *   /hang (no answer)  /drip (a byte each 50 ms)  /flaky/N/SECONDS (503 until asked N + 1 times, Retry-After: SECONDS)
 */
#ifndef GIFD_FETCH_STAND_INT_H
#define GIFD_FETCH_STAND_INT_H

#include "base/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct stand {
    int fd, port;
    pthread_t thread;
    _Atomic int connections, requests, open;
};

struct stand_visit {
    struct stand *s;
    int fd;
};

static inline bool stand_send(int fd, const void *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t k = send(fd, (const char *)p + at, n - at, MSG_NOSIGNAL);
        if (k <= 0) return false;
        at += (size_t)k;
    }
    return true;
}

static inline bool stand_say(int fd, int status, const char *fields, const char *body, size_t n)
{
    char head[4096];
    int k = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n", status, n, fields);
    return stand_send(fd, head, (size_t)k) && stand_send(fd, body, n);
}

/* One block of fixed codes (RFC 1951 section 3.2.6): a zero, then copies of 258 bytes, 13 bits each. */
static inline void stand_bomb(int fd)
{
    static const char head[] = "HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
                               "\x1f\x8b\x08\0\0\0\0\0\0\x03";
    unsigned char out[13 * 1024] = {0};
    size_t bit = 0;
    stand_send(fd, head, sizeof head - 1);
    static const char first[] = "110"
                                "00110000",
                      copy[] = "1100010100000"; /* in the order of the stream */
    unsigned char start[2] = {0};
    for (size_t i = 0; first[i]; i++) start[i / 8] |= (unsigned char)((first[i] - '0') << (i % 8));
    /* eleven bits: the thirteen of a copy go on from there, eight copies a round */
    for (bit = 11; bit + 13 < sizeof out * 8;)
        for (size_t i = 0; i < 13; i++, bit++) out[bit / 8] |= (unsigned char)((copy[i] - '0') << (bit % 8));
    out[0] = start[0];
    out[1] |= start[1];
    stand_send(fd, out, bit / 8);
}

static inline bool stand_answer(struct stand *s, int fd, char *asked, size_t n)
{
    static const char chunk[] = "5\r\nabcde\r\n";
    char *target = strchr(asked, ' ') + 1, fields[2048];
    int number = s->requests;
    *strchr(target, ' ') = 0;
    if (!strcmp(target, "/hello")) return stand_say(fd, 200, "X-Kind: cat\r\nx-kind: dog\r\n", "hello", 5);
    if (!strcmp(target, "/close")) return stand_say(fd, 200, "Connection: close\r\n", "hello", 5) && false;
    if (!strcmp(target, "/echo")) {
        target[5] = ' ';
        return stand_say(fd, 200, "", asked, n);
    }
    if (sscanf(target, "/status/%d", &number) == 1) return stand_say(fd, number, "", "told", 4);
    if (!strncmp(target, "/to", 3)) {
        int status = atoi(target + 3);
        snprintf(fields, sizeof fields, "Location: %s\r\n", strchr(target + 1, '/') + 1);
        return stand_say(fd, status ? status : 302, fields, "moved", 5);
    }
    if (sscanf(target, "/big/%d", &number) == 1) {
        char *zeros = calloc(1, (size_t)number);
        bool ok = stand_say(fd, 200, "", zeros, (size_t)number);
        free(zeros);
        return ok;
    }
    if (!strcmp(target, "/endless")) {
        bool ok = stand_send(fd, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n", 46);
        while (ok) ok = stand_send(fd, chunk, sizeof chunk - 1);
    }
    if (!strcmp(target, "/heads")) {
        bool ok = stand_send(fd, "HTTP/1.1 200 X\r\n", 16);
        while (ok) ok = stand_send(fd, "X-More: and more and more and more\r\n", 36);
    }
    if (!strcmp(target, "/bomb")) stand_bomb(fd);
    if (!strcmp(target, "/hang")) recv(fd, fields, sizeof fields, 0);
    if (!strcmp(target, "/drip")) {
        bool ok = stand_send(fd, "HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n", 42);
        while (ok && usleep(50000) == 0) ok = stand_send(fd, "x", 1);
    }
    int times, seconds;
    if (sscanf(target, "/flaky/%d/%d", &times, &seconds) == 2) {
        snprintf(fields, sizeof fields, "Retry-After: %d\r\n", seconds);
        return s->requests <= times ? stand_say(fd, 503, fields, "busy", 4) : stand_say(fd, 200, "", "at last", 7);
    }
    return false;
}

static inline void *stand_serve(void *arg)
{
    struct stand_visit v = *(struct stand_visit *)arg;
    char asked[1 << 16];
    free(arg);
    for (bool on = true; on;) {
        size_t n = 0, whole = 0;
        while (!whole || n < whole) {
            ssize_t k = recv(v.fd, asked + n, sizeof asked - 1 - n, 0);
            if (k <= 0) break;
            asked[n += (size_t)k] = 0;
            char *end = strstr(asked, "\r\n\r\n"), *length = strcasestr(asked, "\r\ncontent-length:");
            if (end) whole = (size_t)(end - asked) + 4 + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
        }
        if (!whole || n < whole) break;
        v.s->requests++;
        on = stand_answer(v.s, v.fd, asked, n);
    }
    close(v.fd);
    v.s->open--;
    return NULL;
}

static inline void *stand_main(void *arg)
{
    struct stand *s = arg;
    for (int fd; (fd = accept(s->fd, NULL, NULL)) >= 0;) {
        struct stand_visit *v = malloc(sizeof *v);
        pthread_t thread;
        *v = (struct stand_visit){s, fd};
        s->connections++;
        s->open++;
        pthread_create(&thread, NULL, stand_serve, v);
        pthread_detach(thread);
    }
    return NULL;
}

/* On address:port; port 0 picks one. */
static inline void stand_begin(struct stand *s, const char *address, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t n = sizeof a;
    *s = (struct stand){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    CHECK(inet_pton(AF_INET, address, &a.sin_addr) == 1);
    CHECK(bind(s->fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(s->fd, 64) == 0);
    CHECK(getsockname(s->fd, (struct sockaddr *)&a, &n) == 0);
    s->port = ntohs(a.sin_port);
    CHECK(pthread_create(&s->thread, NULL, stand_main, s) == 0);
}

static inline void stand_end(struct stand *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    for (int i = 0; s->open && i < 5000; i++) usleep(1000);
    CHECK(s->open == 0);
}

#endif
