#include "hostile.h"

namespace kvmtest::testing {

std::map<std::string, std::string> hostile_suite() {
  return {{"suite/hostile.tests", R"suite(# What no suite needs
# hosts: east
works: test "$(east hostname)" = east && echo kept >"$KVMTEST_OUTPUT/kept" && cat "$KVMTEST_OUTPUT/kept" && ip link show lo
database: ! cat "$KVMTEST_STATE_DIR/kvmtest.db"
log: ! cat "$KVMTEST_STATE_DIR/kvmtestd.log"
files: test "$(cd "$KVMTEST_STATE_DIR" && find . -type f ! -name kvmtestd.sock)" = "./${KVMTEST_RUN_east#"$KVMTEST_STATE_DIR/"}"
more-files: ! echo x >"$KVMTEST_STATE_DIR/kvmtest.db" && ! mkdir "$KVMTEST_STATE_DIR/runs/99"
uncovered: ! umount "$KVMTEST_STATE_DIR" && ! unshare --user --map-root-user --mount umount "$KVMTEST_STATE_DIR"
status: python3 ../ask.py GET /v1/status | grep 'ask for nothing else'
stop: python3 ../ask.py POST /v1/stop | grep 'ask for nothing else'
shutdown: python3 ../ask.py POST /v1/shutdown | grep 'ask for nothing else'
stranger: python3 ../ask.py POST "/v1/domains/$KVMTEST_DOMAIN_east/exec" | grep 'ask for nothing else'
watch: python3 ../ask.py GET "/v1/domains/$KVMTEST_DOMAIN_east/watch" | grep 'ask for nothing else'
sees: ! grep -l kvmtestd /proc/[0-9]*/comm && ! grep -l qemu /proc/[0-9]*/comm
signals: kill -9 1; test "$(east echo yes)" = yes
reads: ! ls "/proc/1/root$KVMTEST_STATE_DIR" && ! cat /proc/1/environ && ! ls -l /proc/1/fd
bridges: ! ip link add hostile type bridge
)suite"},
          {"ask.py", R"python(import os, socket, sys
daemon = socket.socket(socket.AF_UNIX)
daemon.connect(os.environ["KVMTEST_STATE_DIR"] + "/kvmtestd.sock")
body = '{"command": "true"}'
daemon.sendall(f"{sys.argv[1]} {sys.argv[2]} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
answer = b""
while piece := daemon.recv(65536):
    answer += piece
print(answer.decode())
)python"}};
}

}  // namespace kvmtest::testing
