// kvmtest results DIR, diffs DIR: output that is there already is judged again, and nothing is run.

#include <filesystem>
#include <iostream>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "core/input_error.h"
#include "kvmtest/command.h"
#include "suite/libreswan/outputs.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

namespace libreswan = suite::libreswan;
using core::Verdict;

/// What `git bisect run` takes for "cannot tell".
constexpr int cannot_tell = 125;

struct Counts {
  std::map<Verdict, unsigned> of;

  [[nodiscard]] unsigned operator[](Verdict verdict) const {
    const auto found = of.find(verdict);
    return found == of.end() ? 0 : found->second;
  }
  [[nodiscard]] int exit_status() const {
    if ((*this)[Verdict::unresolved] > 0) return cannot_tell;
    if ((*this)[Verdict::failed] > 0) return 1;
    return (*this)[Verdict::passed] > 0 ? 0 : cannot_tell;  // nothing was run
  }
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const auto& [verdict, count] : of)
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, core::to_string(verdict));
    return out.empty() ? "no output was judged" : out;
  }
};

/// "east:output-different,TIMEOUT west:EOF", hosts and issues sorted.
std::string issues_text(const std::vector<core::Issue>& issues) {
  std::map<std::string, std::set<std::string>> by_host;
  for (const core::Issue& issue : issues) by_host[issue.host].insert(issue.name);
  std::string out;
  for (const auto& [host, names] : by_host) {
    out += " " + host + ":";
    const char* separator = "";
    for (const std::string& name : names) {
      out += separator + name;
      separator = ",";
    }
  }
  return out;
}

void print_result(const libreswan::KnownOutput& output, const libreswan::OutputJudgement& judgement, bool json) {
  if (json) {
    auto object =
        nlohmann::json::parse(libreswan::result_json(output.test, judgement, libreswan::read_times(output.output)));
    object["path"] = output.shown;
    object["output_directory"] = output.output.string();
    std::cout << wire::dump(object) << '\n';
  } else {
    std::cout << fmt::format("{} {}{}\n", output.shown, core::to_string(judgement.verdict),
                             issues_text(judgement.issues));
  }
}

}  // namespace

int rejudge(const settings::Settings& settings, const Rejudging& wish) {
  const std::filesystem::path cache = settings.state_dir / "sanitized";
  libreswan::prune_answers(cache);
  const auto outputs = libreswan::find_outputs(wish.paths, std::filesystem::current_path(), cache, wish.filter);
  const auto judgements = libreswan::judge_outputs(outputs);
  Counts counts;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& [output, judgement] = std::tie(outputs[i], judgements[i]);
    if (!wanted(wish.earlier, judgement.verdict)) continue;
    ++counts.of[judgement.verdict];
    if (wish.update && judgement.verdict != Verdict::untested)
      libreswan::save_judgement(output.test, output.output, judgement);
    if (wish.diffs)
      for (const auto& [host, diff] : judgement.diffs) std::cout << diff;
    else
      print_result(output, judgement, wish.json);
    if (!output.obstacle.empty()) std::cerr << fmt::format("{}: {}\n", output.test.name, output.obstacle);
  }
  std::cerr << counts.text() << '\n';
  return counts.exit_status();
}

}  // namespace kvmtest::command
