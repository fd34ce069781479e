/* sniff.c: see sniff.h. */
#include "media/sniff.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define TEXT_LOOK 1024

static bool has(const uint8_t *p, size_t n, size_t at, const char *magic, size_t m)
{
    return n >= at + m && memcmp(p + at, magic, m) == 0;
}

static const struct {
    size_t at, n;
    const char *magic, *name;
} others[] = {
    {0, 3, "\xff\xd8\xff", "a JPEG image"},
    {0, 4, "PK\x03\x04", "a ZIP archive"},
    {0, 4, "PK\x05\x06", "a ZIP archive"},
    {0, 5, "%PDF-", "a PDF document"},
    {0, 4, "%!PS", "a PostScript document"},
    {0, 2, "BM", "a BMP image"},
    {0, 4, "II*\0", "a TIFF image"},
    {0, 4, "MM\0*", "a TIFF image"},
    {0, 4, "\0\0\1\0", "an icon"},
    {0, 4, "8BPS", "a Photoshop document"},
    {0, 12, "\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL image"},
    {0, 2, "\xff\x0a", "a JPEG XL image"},
    {0, 12, "\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 image"},
    {0, 4, "OggS", "an Ogg file"},
    {0, 4, "fLaC", "a FLAC file"},
    {0, 3, "ID3", "an MP3 file"},
    {0, 3, "FLV", "a Flash video"},
    {0, 4,
     "\x7f"
     "ELF",
     "a program"},
    {0, 2, "MZ", "a program"},
    {0, 2, "\x1f\x8b", "a gzip archive"},
    {0, 6, "7z\xbc\xaf\x27\x1c", "a 7z archive"},
    {0, 4, "Rar!", "a RAR archive"},
    {0, 3, "BZh", "a bzip2 archive"},
    {0, 6,
     "\xfd"
     "7zXZ\0",
     "an xz archive"},
    {0, 4, "\x28\xb5\x2f\xfd", "a zstd archive"},
    {257, 5, "ustar", "a tar archive"},
    {0, 4, "\x30\x26\xb2\x75", "a Windows Media file"},
    {0, 4, "\x8aMNG", "an MNG animation"},
};

static bool brand_in(const uint8_t *b, const char *list)
{
    for (size_t n = strlen(list); n >= 4; n -= 4, list += 4)
        if (memcmp(b, list, 4) == 0) return true;
    return false;
}

/* ISO/IEC 14496-12 section 4.3: ftyp is major brand, minor version, compatible brands. */
static enum sniffed sniff_iso(const uint8_t *p, size_t n, const char **name)
{
    size_t size = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    size_t end = size < n ? size : n;
    bool mp4 = false, avif = false, heic = false, quicktime = false;
    if (end > 512) end = 512;
    for (size_t at = 8; at + 4 <= end; at += at == 8 ? 8 : 4) {
        avif |= brand_in(p + at, "avifavisavio");
        heic |= brand_in(p + at, "heicheixhevchevxheimheismif1msf1miaf");
        quicktime |= brand_in(p + at, "qt  ");
        mp4 |=
            brand_in(p + at, "isomiso2iso3iso4iso5iso6iso7iso8iso9mp41mp42mp71avc1dashM4V M4VHM4VPMSNVcmfccmf2f4v F4V "
                             "3gp43gp53gp6mmp4");
    }
    *name = avif        ? "an AVIF image"
            : heic      ? "a HEIC image"
            : mp4       ? "an MP4 video"
            : quicktime ? "a QuickTime movie"
                        : "a file of an unknown ISO brand";
    return !avif && !heic && mp4 ? SNIFF_MP4 : SNIFF_OTHER;
}

static bool contains(const uint8_t *p, size_t n, const char *word)
{
    size_t m = strlen(word);
    for (size_t i = 0; i + m <= n; i++)
        if (strncasecmp((const char *)p + i, word, m) == 0) return true;
    return false;
}

static bool is_text(const uint8_t *p, size_t n)
{
    size_t high = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < 9 || (p[i] > 13 && p[i] < 27) || (p[i] > 27 && p[i] < 32) || p[i] == 127) return false;
        high += p[i] > 127;
    }
    return n > 0 && high <= n / 2;
}

const char *sniff_text(const uint8_t *p, size_t n)
{
    size_t look = n < TEXT_LOOK ? n : TEXT_LOOK;
    if (look >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff))) return "text";
    bool text = is_text(p, look);
    bool markup = contains(p, look < 64 ? look : 64, "<") || text;
    if (markup && contains(p, look, "<svg")) return "an SVG document";
    if (markup && (contains(p, look, "<!doctype html") || contains(p, look, "<html") || contains(p, look, "<script") ||
                   contains(p, look, "<body")))
        return "an HTML document";
    if (markup && contains(p, look, "<?php")) return "a PHP script";
    if (!text) return NULL;
    if (contains(p, look, "#extm3u")) return "a playlist";
    if (contains(p, look, "<?xml") || contains(p, look, "<mpd")) return "an XML document";
    return "text";
}

static enum sniffed sniff_ebml(const uint8_t *p, size_t n, const char **name)
{
    size_t look = n < 256 ? n : 256;
    for (size_t i = 4; i + 3 < look; i++) { /* DocType, RFC 8794 section 11.2.4 */
        if (p[i] != 0x42 || p[i + 1] != 0x82 || !(p[i + 2] & 0x80)) continue;
        size_t len = p[i + 2] & 0x7f;
        if (len == 4 && has(p, look, i + 3, "webm", 4)) {
            *name = "a WebM video";
            return SNIFF_WEBM;
        }
        if (len == 8 && has(p, look, i + 3, "matroska", 8)) {
            *name = "a Matroska video";
            return SNIFF_OTHER;
        }
    }
    *name = "an EBML file";
    return SNIFF_OTHER;
}

enum sniffed sniff(const uint8_t *p, size_t n, const char **name)
{
    if (n == 0) {
        *name = "an empty file";
        return SNIFF_OTHER;
    }
    if (has(p, n, 0, "GIF87a", 6) || has(p, n, 0, "GIF89a", 6)) {
        *name = "a GIF image";
        return SNIFF_GIF;
    }
    if (has(p, n, 0, "\x89PNG\r\n\x1a\n", 8)) {
        *name = "a PNG image";
        return SNIFF_PNG;
    }
    if (has(p, n, 0, "RIFF", 4) && n >= 12) {
        bool webp = has(p, n, 8, "WEBP", 4);
        *name = webp                      ? "a WebP image"
                : has(p, n, 8, "AVI ", 4) ? "an AVI video"
                : has(p, n, 8, "WAVE", 4) ? "a WAV file"
                                          : "a RIFF file";
        return webp ? SNIFF_WEBP : SNIFF_OTHER;
    }
    if (n >= 16 && has(p, n, 4, "ftyp", 4)) return sniff_iso(p, n, name);
    if (has(p, n, 4, "moov", 4) || has(p, n, 4, "mdat", 4) || has(p, n, 4, "wide", 4)) {
        *name = "a QuickTime movie";
        return SNIFF_OTHER;
    }
    if (has(p, n, 0, "\x1a\x45\xdf\xa3", 4)) return sniff_ebml(p, n, name);
    const char *text = sniff_text(p, n);
    *name = text ? text : "unknown bytes";
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (has(p, n, others[i].at, others[i].magic, others[i].n) && (others[i].n > 2 || !text)) *name = others[i].name;
    return SNIFF_OTHER;
}
