// Runs in the guest when it goes back to a saved state, put there by engine/clean_state.cpp. It waits in the saved
// state itself, so that after going back nothing has to be started first: it reads one line, mixes the host's
// randomness into the kernel's pool and makes its generator start anew from it, sets the clock where it is wrong, tells
// what it found, and ends. Without libraries, so that it is small enough to be typed at a console, and quick.
//
//   renew               prints "renew"; does it run here?
//   renew log SINCE     prints the lines of the kernel's log that are newer than SINCE, microseconds of its clock, as the
//                       kernel writes them: <LEVEL>[TIME] TEXT. Then a line: @NOW ALL, in microseconds since the boot, and
//                       1 where no newer line is missing, else 0
//   renew zero          fills the free memory with zeros, so that a saved state is small
//   renew wait TOKEN    prints "waiting", reads a line:
//     MARK SEED SECONDS NANOSECONDS   SEED is 64 hexadecimal digits; the time is the host's. Prints a line: MARK TOKEN
//                                     FAILED HOSTNAME STAMP. FAILED is the sum of 1 (random pool not renewed), 2 (clock
//                                     not set). STAMP is that of the newest line of the kernel's log, 0 if unknown
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

static const long syslog_read_all = 3;  // the newest lines that fit
static const long longest_log = 64L << 10;  // bytes that are printed

/// Microseconds of a line "<6>[   12.345678] text"; -1 when it has no time.
static long stamp_of(const char* line, const char* end) {
  if (line == end || *line++ != '<') return -1;
  while (line < end && *line != '>') ++line;
  if (line == end || ++line == end || *line++ != '[') return -1;
  while (line < end && *line == ' ') ++line;
  long stamp = 0;
  for (; line < end && *line != ']'; ++line)
    if (*line != '.') stamp = stamp * 10 + (*line - '0');
  return stamp;
}

static char* end_of_line(char* line, char* end) {
  while (line < end && *line != '\n') ++line;
  return line;
}

/// The newest line's time, of those that fit into a small buffer.
static long newest_stamp(void) {
  char log[2048];
  const long got = call(SYS_syslog, syslog_read_all, (long)log, sizeof log);
  long newest = 0;
  for (char *line = log, *end = log + (got > 0 ? got : 0); line < end; line = end_of_line(line, end) + 1) {
    const long stamp = stamp_of(line, end_of_line(line, end));
    if (stamp > newest) newest = stamp;
  }
  return newest;
}

/// A device that gives what is logged from now on, each record with its time: "4,339,5140900,-;text".
static long open_log(void) {
  const long device = call(SYS_open, (long)"/dev/kmsg", 04000 /* O_NONBLOCK */, 0);
  if (device >= 0) call(SYS_lseek, device, 0, 2);
  return device;
}

/// The newest time of what it has given, at least `newest`.
static long read_log(long device, long newest) {
  char record[8192];
  // A kernel may talk faster than this reads.
  for (int records = 0; device >= 0 && records < 1000; ++records) {
    const long got = call(SYS_read, device, (long)record, sizeof record - 1);
    if (got == -32 /* EPIPE: some are gone */) continue;
    if (got <= 0) break;
    record[got] = 0;
    const char* at = record;
    for (int commas = 0; *at && commas < 2; ++at) commas += *at == ',';
    if (number(at) > newest) newest = number(at);
  }
  return newest;
}

static char* copy_number(char* out, long value) {
  char digits[24];
  char* at = digits;
  do *at++ = (char)('0' + value % 10);
  while (value /= 10);
  while (at > digits) *out++ = *--at;
  return out;
}

static int print_log(const char* since_text) {
  const long since = number(since_text);
  for (long size = 8L << 10;; size <<= 4) {
    const long buffer = call6(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer < 0 && buffer > -4096) return 1;
    const long got = call(SYS_syslog, syslog_read_all, buffer, size);
    if (got < 0) return 1;
    char* const log = (char*)buffer;
    char* const end = log + got;
    // More than fits is newer.
    if (got > size - 2048 && size < 1L << 20 && stamp_of(log, end_of_line(log, end)) > since) continue;
    long printed = 0;
    // What begins later was cleared by somebody (dmesg -c).
    int all = got > 0 && stamp_of(log, end_of_line(log, end)) <= since;
    char* out = log;
    for (char *line = log, *next = log; line < end; line = next) {
      next = end_of_line(line, end) + 1;
      if (next > end) next = end;
      const long stamp = stamp_of(line, next);
      if (stamp <= since) continue;
      if (printed + (next - line) > longest_log) {
        all = 0;
        continue;
      }
      printed += next - line;
      while (line < next) *out++ = *line++;
    }
    print(log, out);
    struct __kernel_timespec now;
    call(SYS_clock_gettime, 1, (long)&now, 0);
    char last[64];
    char* at = copy_number(copy(last, "@"), now.tv_sec * 1000000 + now.tv_nsec / 1000);
    *at++ = ' ';
    *at++ = (char)('0' + all);
    *at++ = '\n';
    print(last, at);
    return 0;
  }
}

static int wait_and_renew(const char* token) {
  char line[256];
  char answer[256];
  // Before the state is saved: so afterwards only what is new has to be looked at.
  const long log = open_log();
  const long newest = newest_stamp();
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
  *out++ = ' ';
  out = copy_number(out, read_log(log, newest));
  *out++ = '\n';
  print(answer, out);
  return 0;
}

static int renew(long argc, char** argv) {
  if (argc == 2 && argv[1][0] == 'z') return zero();
  if (argc == 3 && argv[1][0] == 'l') return print_log(argv[2]);
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
