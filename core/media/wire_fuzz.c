/* wire_fuzz.c: any bytes as the answer of a child that has been taken over. What passes the check is within bounds. */
#include "media/ask.c"

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static struct media_ask a;
    static struct wire_answer w;
    static struct media_answer answer;
    struct err e;
    if (!a.fds) {
        a.question = (struct wire_question){
            .op = MEDIA_RENDER, .recipes = 2, .recipe = {{.format = MEDIA_MP4}, {.format = MEDIA_PNG}}};
        a.question.limits =
            (struct media_limits){.canvas_px = 1 << 20, .total_px = 1 << 24, .frames = 100, .out_bytes = 1 << 20};
        for (a.fds = 0; a.fds < 3; a.fds++) a.fd[a.fds] = memfd_create("fuzz", MFD_CLOEXEC);
        if (ftruncate(a.fd[1], 4096) < 0 || ftruncate(a.fd[2], 512) < 0) abort();
    }
    memset(&w, 0, sizeof w);
    memcpy(&w, p, n < sizeof w ? n : sizeof w);
    check_error(&w, &e);
    if (!err_name(e.code) || !e.text[0] || strlen(e.text) >= WIRE_TEXT_MAX) abort();
    for (const char *c = e.text; *c; c++)
        if (*c < ' ' || *c > '~') abort();
    if (!check_answer(&a, &w, &answer)) return 0;
    const struct media_facts *f = &answer.facts;
    if ((uint64_t)f->width * f->height * f->frames > a.question.limits.total_px || answer.outputs != 2) abort();
    for (size_t i = 0; i < answer.outputs; i++)
        if (answer.output[i].bytes > a.question.limits.out_bytes || !memchr(answer.output[i].facts.type, 0, 32))
            abort();
    return 0;
}
