// Prompt parsing: what stands between each byte that a console prints and the next command.

#include "console/prompt.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kvmtest::console {
namespace {

const std::string nonce = "kt0123456789abcdef0123";  // as long as make_nonce() makes them
constexpr std::size_t big = 4U << 20;

std::string repeated(std::string_view line, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += line;
  return text;
}

/// One command's output up to its prompt, in reads of `piece` bytes. Whether the scanner saw all of it.
bool scan(PromptScanner& scanner, std::string_view printed, std::size_t output_size, std::size_t piece) {
  std::size_t seen = 0;
  std::optional<int> status;
  for (std::size_t at = 0; at < printed.size(); at += piece) {
    const auto result = scanner.feed(printed.substr(at, piece));
    seen += result.output.size();
    status = result.status;
  }
  return status == 0 && seen == output_size;
}

void scan_output(benchmark::State& state, const std::string& output) {
  const auto piece = static_cast<std::size_t>(state.range(0));
  const std::string printed = output + nonce + ":0# ";
  PromptScanner scanner(nonce);
  for (auto _ : state) {
    if (!scan(scanner, printed, output.size(), piece)) {
      state.SkipWithError("the scanner lost output, or the prompt");
      break;
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(printed.size()));
}

void plain(benchmark::State& state) {
  scan_output(state, repeated("3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc pfifo_fast state UP\n"
                              "    link/ether 52:54:00:01:02:17 brd ff:ff:ff:ff:ff:ff\n"
                              "    RX:  bytes packets errors dropped  missed   mcast\n",
                              big));
}
// 16 bytes: a serial line's FIFO. 4096: what a terminal's buffer holds.
BENCHMARK(plain)->Name("prompt/plain")->Arg(16)->Arg(4096)->Unit(benchmark::kMillisecond);

void coloured(benchmark::State& state) {
  scan_output(state,
              repeated("\x1b[1;34mnetwork\x1b[0m  \x1b[1;36mlib64\x1b[0m  \x1b[6n\x1b[01;32mkernel\x1b[0m\n", big));
}
BENCHMARK(coloured)->Name("prompt/coloured")->Arg(4096)->Unit(benchmark::kMillisecond);

// The worst that output can do: what the shell was told, over and over (set prints its variables).
void near_prompts(benchmark::State& state) {
  scan_output(state, repeated("PS1='" + prompt_variable(nonce) + "'\n", big));
}
BENCHMARK(near_prompts)->Name("prompt/near_prompts")->Arg(4096)->Unit(benchmark::kMillisecond);

// What most commands of a test print: a word, or nothing.
void tiny(benchmark::State& state) {
  const std::string output = "1472\n";
  const std::string printed = output + nonce + ":0# ";
  PromptScanner scanner(nonce);
  for (auto _ : state) {
    if (!scan(scanner, printed, output.size(), printed.size())) {
      state.SkipWithError("the scanner lost output, or the prompt");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(tiny)->Name("prompt/tiny");

// Applied to the end of what a booting guest prints, and to what a login prints.
void strip(benchmark::State& state) {
  const std::string text = repeated("\x1b[1;34msbin\x1b[0m  plain words between them \x1b[6n\n", 200);
  for (auto _ : state) {
    std::string stripped = without_escapes(text);
    if (stripped.size() >= text.size()) state.SkipWithError("nothing was taken away");
    benchmark::DoNotOptimize(stripped);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(strip)->Name("prompt/without_escapes");

}  // namespace
}  // namespace kvmtest::console
