/* recode.c: see recode.h. In terms of a picture's luma Y and its two colour differences, each matrix is
 *
 *   R = Y + 2 (1 - kr) Pr     B = Y + 2 (1 - kb) Pb     G = (Y - kr R - kb B) / kg
 *
 * and grey has no difference in any: so new luma is the old one and a bit of both differences, and new differences
 * are made of the old ones alone. */
#include "media/recode.h"

#include <math.h>
#include <stdlib.h>

#define BITS 16

struct weights {
    double kr, kb;
};

struct sums {                                       /* of samples as they are stored, times 1 << BITS */
    int32_t luma[256];                              /* of Y; with what rounds */
    int32_t luma_u[256], luma_v[256];               /* what the differences add to it */
    int32_t u_u[256], u_v[256], v_u[256], v_v[256]; /* of new differences; u_u and v_v with what rounds */
};

static struct weights weights_of(struct recode_colour c)
{
    return c.bt709 ? (struct weights){0.2126, 0.0722} : (struct weights){0.299, 0.114};
}

static int32_t fixed(double v)
{
    return (int32_t)lrint(v * (1 << BITS));
}

static void sums_init(struct sums *s, struct recode_colour from, struct recode_colour to)
{
    struct weights a = weights_of(from), b = weights_of(to);
    double akg = 1 - a.kr - a.kb, bkg = 1 - b.kr - b.kb;
    double r_v = 2 * (1 - a.kr), b_u = 2 * (1 - a.kb), g_u = -a.kb * b_u / akg, g_v = -a.kr * r_v / akg;
    double y_u = b.kb * b_u + bkg * g_u, y_v = b.kr * r_v + bkg * g_v;
    double u_u = (b_u - y_u) / (2 * (1 - b.kb)), u_v = -y_v / (2 * (1 - b.kb));
    double v_u = -y_u / (2 * (1 - b.kr)), v_v = (r_v - y_v) / (2 * (1 - b.kr));
    double y_in = from.full ? 255 : 219, c_in = from.full ? 255 : 224, y_out = to.full ? 255 : 219;
    double c_out = to.full ? 255 : 224, below = from.full ? 0 : 16, base = to.full ? 0 : 16;
    for (int i = 0; i < 256; i++) {
        double c = (i - 128) / c_in;
        s->luma[i] = fixed((i - below) / y_in * y_out + base + 0.5);
        s->luma_u[i] = fixed(c * y_u * y_out);
        s->luma_v[i] = fixed(c * y_v * y_out);
        s->u_u[i] = fixed(c * u_u * c_out + 128.5);
        s->u_v[i] = fixed(c * u_v * c_out);
        s->v_u[i] = fixed(c * v_u * c_out);
        s->v_v[i] = fixed(c * v_v * c_out + 128.5);
    }
}

static uint8_t sample(int32_t sum)
{
    int32_t v = sum >> BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static uint8_t *line(const AVFrame *f, int plane, int y)
{
    return f->data[plane] + (ptrdiff_t)y * f->linesize[plane];
}

void recode(const AVFrame *in, struct recode_colour from, AVFrame *out, struct recode_colour to)
{
    struct sums s;
    int width = in->width, height = in->height;
    sums_init(&s, from, to);
    for (int y = 0; y < height; y++) {
        const uint8_t *luma = line(in, 0, y), *u = line(in, 1, y / 2), *v = line(in, 2, y / 2);
        uint8_t *luma_out = line(out, 0, y), *u_out = line(out, 1, y / 2), *v_out = line(out, 2, y / 2);
        for (int x = 0; x < width; x += 2) {
            int32_t more = s.luma_u[u[x / 2]] + s.luma_v[v[x / 2]];
            luma_out[x] = sample(s.luma[luma[x]] + more);
            if (x + 1 < width) luma_out[x + 1] = sample(s.luma[luma[x + 1]] + more);
        }
        for (int x = 0; y % 2 == 0 && x < (width + 1) / 2; x++) {
            u_out[x] = sample(s.u_u[u[x]] + s.u_v[v[x]]);
            v_out[x] = sample(s.v_v[v[x]] + s.v_u[u[x]]);
        }
    }
}
