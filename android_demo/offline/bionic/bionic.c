/*
 * Lets the TensorFlow Lite library that the app ships for x86_64 phones run on x86_64 Linux.
 *
 * The library is linked against Android's C library, bionic. Both use the calling convention, the kernel structures and
 * the sizes of mutexes of x86_64 Linux, so that nearly every function may be the one of glibc. The few that differ are
 * written out below: standard streams, numbers of sysconf, checked variants, and what only Android has.
 *
 * The library asks for its functions in the version LIBC, which glibc has not, so each needs an entry here. This file
 * is built as liblog.so, of which no version is asked; libc.so, libm.so and libdl.so are built empty beside it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Same name, same meaning. */
#define SAME(X) \
  X(__cxa_atexit) X(__cxa_finalize) X(__memmove_chk) X(__open_2) X(__read_chk) X(__stack_chk_fail) \
  X(__vsnprintf_chk) X(abort) X(atan2) X(atan2f) X(bsearch) X(calloc) X(clock_gettime) X(close) X(closelog) X(cos) \
  X(cosf) X(dl_iterate_phdr) X(dlclose) X(dlerror) X(dlopen) X(dlsym) X(erfcf) X(exit) X(exp) X(expf) X(expm1f) \
  X(flock) X(fmodf) X(fopen) X(fread) X(free) X(freelocale) X(frexp) X(fstat) X(fsync) X(getenv) X(getpagesize) \
  X(getuid) X(hypot) X(hypotf) X(ldexp) X(log) X(log1p) X(logf) X(madvise) X(malloc) X(memalign) X(memchr) \
  X(memcmp) X(memcpy) X(memmove) X(memset) X(mmap) X(mprotect) X(mremap) X(munmap) X(nanf) X(nanosleep) \
  X(newlocale) X(open) X(openlog) X(posix_memalign) X(pow) X(powf) X(pthread_cond_broadcast) \
  X(pthread_cond_destroy) X(pthread_cond_init) X(pthread_cond_signal) X(pthread_cond_wait) X(pthread_create) \
  X(pthread_equal) X(pthread_getspecific) X(pthread_join) X(pthread_key_create) X(pthread_key_delete) \
  X(pthread_mutex_destroy) X(pthread_mutex_init) X(pthread_mutex_lock) X(pthread_mutex_unlock) X(pthread_once) \
  X(pthread_rwlock_rdlock) X(pthread_rwlock_unlock) X(pthread_rwlock_wrlock) X(pthread_self) X(pthread_setspecific) \
  X(qsort) X(read) X(realloc) X(rename) X(sincos) X(sincosf) X(sinf) X(snprintf) X(strcmp) X(strerror) X(strlen) \
  X(strncmp) X(strncpy) X(strtod) X(strtol) X(strtoll_l) X(strtoull_l) X(syscall) X(syslog) X(tanhf) X(time) \
  X(vasprintf) X(vsnprintf) X(write)

static void *glibc(const char *name) {
  void *function = dlsym(RTLD_DEFAULT, name);
  if (!function) {
    fprintf(stderr, "bionic: glibc has no %s\n", name);
    _exit(1);
  }
  return function;
}

/* One entry: a jump to what glibc has of that name. */
#define ENTRY(name)                                                                                  \
  __attribute__((used)) static void *glibc_##name;                                                   \
  __asm__(".globl " #name "\n.type " #name ", @function\n" #name ": jmp *glibc_" #name "(%rip)\n");
SAME(ENTRY)

__attribute__((constructor)) static void find_all(void) {
#define FIND(name) glibc_##name = glibc(#name);
  SAME(FIND)
}

/* Calls glibc's function of a name that this file defines, too. */
#define GLIBC(type, name, ...) (*(type(*)(__VA_ARGS__))glibc(#name))

int *__errno(void) { return __errno_location(); }

/* The standard streams are three objects in a row, of this size. */
enum { BIONIC_FILE = 152 };
char __sF[3 * BIONIC_FILE];

static FILE *stream(FILE *given) {
  FILE *standard[] = {stdin, stdout, stderr};
  ptrdiff_t offset = (char *)given - __sF;
  return offset >= 0 && offset < (ptrdiff_t)sizeof __sF ? standard[offset / BIONIC_FILE] : given;
}

int vfprintf(FILE *file, const char *format, va_list values) {
  return GLIBC(int, vfprintf, FILE *, const char *, va_list)(stream(file), format, values);
}

int fprintf(FILE *file, const char *format, ...) {
  va_list values;
  va_start(values, format);
  int written = vfprintf(file, format, values);
  va_end(values);
  return written;
}

int fputc(int character, FILE *file) { return GLIBC(int, fputc, int, FILE *)(character, stream(file)); }

size_t fwrite(const void *from, size_t size, size_t count, FILE *file) {
  return GLIBC(size_t, fwrite, const void *, size_t, size_t, FILE *)(from, size, count, stream(file));
}

int fflush(FILE *file) { return GLIBC(int, fflush, FILE *)(stream(file)); }

int fclose(FILE *file) { return GLIBC(int, fclose, FILE *)(stream(file)); }

int fileno(FILE *file) { return GLIBC(int, fileno, FILE *)(stream(file)); }

long sysconf(int bionic) {
  int name;
  switch (bionic) {
    case 0x27:
    case 0x28:
      name = _SC_PAGESIZE;
      break;
    case 0x60:
      name = _SC_NPROCESSORS_CONF;
      break;
    case 0x61:
      name = _SC_NPROCESSORS_ONLN;
      break;
    default:
      errno = EINVAL;
      return -1;
  }
  return GLIBC(long, sysconf, int)(name);
}

/* glibc's header has it with another result. */
__attribute__((used, visibility("hidden"))) int bionic_strerror_r(int error, char *text, size_t size) {
  return GLIBC(int, __xpg_strerror_r, int, char *, size_t)(error, text, size);
}
__asm__(".globl strerror_r\n.type strerror_r, @function\nstrerror_r: jmp bionic_strerror_r\n");

size_t __strlen_chk(const char *text, size_t size) {
  (void)size;
  return strlen(text);
}

int __system_property_get(const char *name, char *value) {
  (void)name;
  *value = 0;
  return 0;
}

void android_set_abort_message(const char *message) { (void)message; }

int __android_log_vprint(int priority, const char *tag, const char *format, va_list values) {
  (void)priority;
  fprintf(stderr, "%s: ", tag);
  int written = vfprintf(stderr, format, values);
  fprintf(stderr, "\n");
  return written;
}
