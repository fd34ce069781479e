/* cli_verify.c: `gifd verify`: proves that stored originals are the bytes that were sent. An id is the beginning of the
 * SHA-256 of its bytes, so the proof needs nothing but the file: hash it again and compare. */
#include "app/app.h"
#include "crypto/crypto.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_id(const char *id)
{
    size_t n = strspn(id, "0123456789abcdef");
    return id[n] == 0 && n >= 16 && n <= SHA256_HEX;
}

/* The file whose name begins with id; GIFD_ENOTFOUND. */
static int find(const struct datadir *d, const char *id, char path[PATH_LEN], char name[SHA256_HEX + 1], struct err *e)
{
    char folder[PATH_LEN], inner[32];
    snprintf(inner, sizeof inner, "blobs/%.2s/%.2s", id, id + 2);
    datadir_join(d, inner, folder);
    DIR *list = opendir(folder);
    int rc = err_set(e, GIFD_ENOTFOUND, "there is no original %s", id);
    for (struct dirent *entry; list && rc < 0 && (entry = readdir(list));) {
        if (strlen(entry->d_name) != SHA256_HEX || strncmp(entry->d_name, id, strlen(id)) != 0) continue;
        memcpy(name, entry->d_name, SHA256_HEX + 1);
        if (snprintf(path, PATH_LEN, "%s/%s", folder, name) < PATH_LEN) rc = GIFD_OK;
    }
    if (list) closedir(list);
    return rc;
}

static int digest_of(const char *path, char hex[SHA256_HEX + 1], struct err *e)
{
    static uint8_t bytes[1 << 16];
    uint8_t digest[SHA256_LEN];
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = GIFD_OK;
    if (fd < 0) return err_sys(e, errno, "%s", path);
    struct sha256 *h = sha256_new();
    ssize_t n = 0;
    while (h && (n = read(fd, bytes, sizeof bytes)) > 0) sha256_update(h, bytes, (size_t)n);
    if (!h) rc = err_set(e, GIFD_ENOMEM, "no memory for a digest");
    if (n < 0) rc = err_sys(e, errno, "%s", path);
    if (rc == GIFD_OK) {
        sha256_final(h, digest);
        hex_encode(digest, sizeof digest, hex);
    }
    sha256_free(h);
    close(fd);
    return rc;
}

static int verify(const struct datadir *d, const char *id)
{
    struct err e = {0};
    char path[PATH_LEN], name[SHA256_HEX + 1], got[SHA256_HEX + 1];
    if (!is_id(id)) return cli_usage("verify", "'%s' is no id: 16 to 64 of 0-9a-f", id);
    if (find(d, id, path, name, &e) < 0 || digest_of(path, got, &e) < 0) {
        fprintf(stderr, "gifd verify: %s\n", e.text);
        return cli_exit_of(e.code);
    }
    bool same = !strcmp(name, got);
    printf("%s %s sha256 %s\n", id, same ? "unaltered" : "ALTERED", got);
    return same ? EXIT_OK : EXIT_FAILED;
}

int cli_verify(int argc, char **argv)
{
    const char *data = getenv("GIFD_DATA");
    struct datadir d;
    struct err e = {0};
    int worst = EXIT_OK, ids = 0;
    for (int i = 1; i + 1 < argc; i++)
        if (!strcmp(argv[i], "--data")) data = argv[i + 1];
    if (datadir_open(&d, data ? data : "data", &e) < 0) {
        fprintf(stderr, "gifd verify: %s\n", e.text);
        return cli_exit_of(e.code);
    }
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--data")) {
            i++;
            continue;
        }
        int code = verify(&d, argv[i]);
        if (code != EXIT_OK) worst = code;
        ids++;
    }
    return ids ? worst : cli_usage("verify", "which id?");
}
