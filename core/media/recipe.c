/* recipe.c: which recipes make sense. See ask.h. */
#include "media/ask.h"

#include <stddef.h>

#define BIT(format) (1u << (format))
#define STILLS (BIT(MEDIA_JPEG) | BIT(MEDIA_PNG))
#define FILMS (BIT(MEDIA_MP4) | BIT(MEDIA_WEBM))
#define ANIMATIONS (FILMS | BIT(MEDIA_WEBP) | BIT(MEDIA_GIF))
#define ALL (STILLS | ANIMATIONS)

struct rule {
    const char *name;
    size_t offset;
    unsigned formats;  /* that know the field */
    uint32_t min, max; /* of values other than 0 */
};

#define FIELD(name, formats, min, max)                                                                                 \
    {                                                                                                                  \
#name, offsetof(struct media_recipe, name), formats, min, max                                                  \
    }
static const struct rule rules[] = {
    FIELD(width, ALL, 1, 65535),
    FIELD(height, ALL, 1, 65535),
    FIELD(at_ms, STILLS, 1, MEDIA_TIME_MAX_MS),
    FIELD(sample, STILLS, 1, MEDIA_SAMPLES_MAX),
    FIELD(samples, STILLS, 1, MEDIA_SAMPLES_MAX),
    FIELD(from_ms, ANIMATIONS, 1, MEDIA_TIME_MAX_MS),
    FIELD(to_ms, ANIMATIONS, 1, MEDIA_TIME_MAX_MS),
    FIELD(repeat_ms, FILMS, 1, MEDIA_REPEAT_MAX_MS),
    FIELD(fps_milli, ANIMATIONS, 100, MEDIA_FPS_MAX_MILLI),
    FIELD(frames, ANIMATIONS, 1, 10000),
    FIELD(quality, BIT(MEDIA_JPEG) | BIT(MEDIA_WEBP), 1, 100),
    FIELD(bitrate, FILMS, 10000, 100000000),
    FIELD(audio, FILMS, 16000, 320000),
    FIELD(colors, BIT(MEDIA_GIF), 2, 256),
    FIELD(dither, BIT(MEDIA_GIF), 1, MEDIA_DITHER_DIFFUSE),
    FIELD(lossy, BIT(MEDIA_GIF), 1, 200),
    FIELD(floor, ALL, 1, 999),
    FIELD(background, ALL, 0, 0xffffff),
};

static int check_field(const struct media_recipe *r, const struct rule *rule, struct err *e)
{
    uint32_t v = *(const uint32_t *)(const void *)((const char *)r + rule->offset);
    unsigned most = rule->max, formats = rule->formats;
    if (rule->offset == offsetof(struct media_recipe, quality)) {
        formats |= FILMS;
        most = r->format == MEDIA_MP4 ? 51 : r->format == MEDIA_WEBM ? 63 : most;
    }
    if (!v) return GIFD_OK;
    if (!(formats & BIT(r->format))) return err_set(e, GIFD_EINVALID, "%s does not go with this format", rule->name);
    if (v < rule->min || v > most)
        return err_set(e, GIFD_EINVALID, "%s must be %u to %u, not %u", rule->name, rule->min, most, v);
    return GIFD_OK;
}

int media_recipe_check(const struct media_recipe *r, struct err *e)
{
    if (r->format < MEDIA_JPEG || r->format > MEDIA_GIF)
        return err_set(e, GIFD_EINVALID, "there is no format %u", r->format);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (check_field(r, &rules[i], e) < 0) return e->code;
    if (r->loop < MEDIA_LOOP_SOURCE || r->loop > 65535)
        return err_set(e, GIFD_EINVALID, "loop must be 0 to 65535, not %d", (int)r->loop);
    if (r->to_ms && r->to_ms <= r->from_ms)
        return err_set(e, GIFD_EINVALID, "to (%u ms) must come after from (%u ms)", r->to_ms, r->from_ms);
    if (r->quality && r->bitrate) return err_set(e, GIFD_EINVALID, "quality and bitrate contradict each other");
    if (r->fps_milli && r->frames) return err_set(e, GIFD_EINVALID, "fps and frames contradict each other");
    if (!r->sample != !r->samples || r->sample > r->samples)
        return err_set(e, GIFD_EINVALID, "sample must be one of 1 to samples");
    if (r->sample && r->at_ms) return err_set(e, GIFD_EINVALID, "at and sample contradict each other");
    if (r->audio && r->repeat_ms) return err_set(e, GIFD_EINVALID, "audio and repeat_to contradict each other");
    if (r->floor && !r->budget) return err_set(e, GIFD_EINVALID, "floor goes with budget only");
    return GIFD_OK;
}
