/* sniff.h: what bytes are, by their content and never by a name. Pure functions over memory. */
#ifndef GIFD_MEDIA_SNIFF_H
#define GIFD_MEDIA_SNIFF_H

#include <stddef.h>
#include <stdint.h>

enum sniffed { SNIFF_OTHER, SNIFF_GIF, SNIFF_PNG, SNIFF_WEBP, SNIFF_MP4, SNIFF_WEBM };

/* *name is what to call it: "a GIF image", "a JPEG image", "an SVG document", "text", "unknown bytes". Static. */
enum sniffed sniff(const uint8_t *p, size_t n, const char **name);
/* The same for documents only; NULL when it is not text of any kind. */
const char *sniff_text(const uint8_t *p, size_t n);

#endif
