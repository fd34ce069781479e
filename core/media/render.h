/* render.h: all outputs of one question from one decode of its source. */
#ifndef GIFD_MEDIA_RENDER_H
#define GIFD_MEDIA_RENDER_H

#include "base/err.h"
#include "media/ask.h"
#include "media/source.h"

/* out_fd and output are as many as recipe. Fills the outputs' facts and bytes. */
int render(struct source *s, const struct media_recipe *recipe, size_t n, const int *out_fd,
           struct media_output *output, struct err *e);

#endif
