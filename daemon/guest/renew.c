// Runs in the guest when it goes back to a saved state, put there by engine/clean_state.cpp. It waits in the saved
// state itself, so that after going back nothing has to be started first: it reads one line, mixes the host's
// randomness into the kernel's pool and makes its generator start anew from it, sets the clock where it is wrong, tells
// what it found, and ends. Without libraries, so that it is small enough to be typed at a console, and quick.
//
//   renew               prints "renew"; does it run here?
//   renew zero          fills the free memory with zeros, so that a saved state is small
//   renew wait TOKEN    prints "waiting", reads a line:
//     MARK SEED SECONDS NANOSECONDS   SEED is 64 hexadecimal digits; the time is the host's. Prints a line: MARK TOKEN
//                                     FAILED HOSTNAME. FAILED is the sum of 1 (random pool not renewed), 2 (clock not
//                                     set)
//     MARK again                      prints a line, MARK, and asks to be started again by its exit status, 1
//     anything else                   prints nothing
//
// All is short, for each character costs an emulated serial port time.
//
// Writing to /dev/urandom would not do: the generator takes the pool in only at its next reseeding, up to a minute
// later, and until then every guest that came from one state gives the same numbers (Linux, drivers/char/random.c).

#include <linux/mman.h>
#include <linux/random.h>
#include <linux/sysinfo.h>
#include <linux/time.h>
#include <linux/utsname.h>
#include <sys/syscall.h>

// More than this the clock may not differ. What was typed is some milliseconds old: it must not make a right clock
// worse.
static const long tolerance_ns = 200000000;

static long call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

static long call6(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

static long number(const char* text) {
  long value = 0;
  for (; *text >= '0' && *text <= '9'; ++text) value = value * 10 + (*text - '0');
  return value;
}

static int stir(const char* seed) {
  struct {
    int entropy_count;
    int buf_size;
    unsigned char buf[32];
  } entropy;
  // As many bits as make a pool that never was ready so (POOL_READY_BITS): only then it can be reseeded.
  entropy.entropy_count = 256;
  entropy.buf_size = 32;
  for (int i = 0; i < 32; ++i) {
    const int high = digit(seed[2 * i]);
    const int low = high < 0 ? -1 : digit(seed[2 * i + 1]);
    if (low < 0) return 1;
    entropy.buf[i] = (unsigned char)(high * 16 + low);
  }
  const long device = call(SYS_open, (long)"/dev/urandom", 1, 0);
  if (device < 0) return 1;
  return call(SYS_ioctl, device, RNDADDENTROPY, (long)&entropy) < 0 || call(SYS_ioctl, device, RNDRESEEDCRNG, 0) < 0;
}

/// Takes nearly all of the free memory and gives it back: the kernel clears each page before it hands it out.
static int zero(void) {
  struct sysinfo info;
  if (call(SYS_sysinfo, (long)&info, 0, 0) < 0) return 1;
  const long free = (long)(info.freeram * info.mem_unit);
  const long spare = 4L << 20;
  if (free <= spare) return 0;
  const long size = (free - spare) & ~4095L;
  const long at = call6(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at < 0 && at > -4096) return 1;
  for (long offset = 0; offset < size; offset += 4096) *(volatile char*)(at + offset) = 0;
  return 0;
}

/// The next word of the line, ended with a NUL; `at` moves behind it.
static char* word(char** at) {
  char* begin = *at;
  char* end = begin;
  while (*end && *end != ' ' && *end != '\n') ++end;
  *at = *end ? end + 1 : end;
  *end = 0;
  return begin;
}

static int same(const char* one, const char* other) {
  while (*one && *one == *other) ++one, ++other;
  return *one == *other;
}

static char* copy(char* out, const char* text) {
  while (*text) *out++ = *text++;
  return out;
}

static void print(const char* text, const char* end) { call(SYS_write, 1, (long)text, end - text); }

static int wait_and_renew(const char* token) {
  char line[256];
  char answer[256];
  call(SYS_write, 1, (long)"waiting\n", 8);
  const long got = call(SYS_read, 0, (long)line, sizeof line - 1);
  if (got <= 1) return 0;
  line[got] = 0;
  char* at = line;
  const char* mark = word(&at);
  const char* seed = word(&at);
  const char* seconds = word(&at);
  const char* nanoseconds = word(&at);
  char* out = copy(answer, mark);
  if (same(seed, "again")) {
    *out++ = '\n';
    print(answer, out);
    return 1;
  }
  if (!*nanoseconds) return 0;

  int failed = stir(seed);
  struct __kernel_timespec before;
  struct __kernel_timespec right;
  right.tv_sec = number(seconds);
  right.tv_nsec = number(nanoseconds);
  call(SYS_clock_gettime, 0, (long)&before, 0);
  const long apart = before.tv_sec - right.tv_sec;
  const int far = apart < -3 || apart > 3;
  const long late = far ? 0 : apart * 1000000000L + before.tv_nsec - right.tv_nsec;
  if (far || late > tolerance_ns || late < -tolerance_ns)
    if (call(SYS_clock_settime, 0, (long)&right, 0) < 0) failed += 2;

  struct new_utsname name;
  call(SYS_uname, (long)&name, 0, 0);
  *out++ = ' ';
  out = copy(out, token);
  *out++ = ' ';
  *out++ = (char)('0' + failed);
  *out++ = ' ';
  out = copy(out, name.nodename);
  *out++ = '\n';
  print(answer, out);
  return 0;
}

static int renew(long argc, char** argv) {
  if (argc == 2 && argv[1][0] == 'z') return zero();
  if (argc == 3 && argv[1][0] == 'w') return wait_and_renew(argv[2]);
  call(SYS_write, 1, (long)"renew\n", 6);
  return 0;
}

// The kernel enters here with argc and argv on the stack.
__asm__(
    ".globl _start\n_start:\n xor %ebp, %ebp\n mov (%rsp), %rdi\n lea 8(%rsp), %rsi\n and $-16, %rsp\n call start\n");

__attribute__((noreturn, used)) void start(long argc, char** argv) {
  call(SYS_exit, renew(argc, argv), 0, 0);
  __builtin_unreachable();
}
