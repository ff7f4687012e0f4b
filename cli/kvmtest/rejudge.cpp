#include "kvmtest/rejudge.h"

#include <filesystem>
#include <iostream>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "client/plain_output.h"
#include "core/input_error.h"
#include "kvmtest/pager.h"
#include "report/differences.h"
#include "suite/confinement.h"
#include "suite/libreswan/beneath.h"
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

libreswan::OutputTimes times_of(const std::filesystem::path& output) {
  try {
    return libreswan::read_times(libreswan::open_unlinked(output));
  } catch (const base::FileError&) {
    return {};
  }
}

void print_result(const libreswan::KnownOutput& output, const libreswan::OutputJudgement& judgement, bool json) {
  if (json) {
    auto object = nlohmann::json::parse(libreswan::result_json(output.test, judgement, times_of(output.output)));
    object["path"] = output.shown;
    object["output_directory"] = output.output.string();
    std::cout << wire::dump(object) << '\n';
  } else {
    std::cout << fmt::format("{} {}{}\n", output.shown, core::to_string(judgement.verdict),
                             issues_text(judgement.issues));
  }
}

std::string not_sanitized(std::size_t tests) {
  return fmt::format(
      "of {} no answer of the sanitizer is stored for this output and these scripts, and nothing was run; --sanitize "
      "runs it",
      tests == 1 ? "1 test" : fmt::format("{} tests", tests));
}

void print_diffs(const libreswan::OutputJudgement& judgement, const Rejudging& wish) {
  // What a program reads, patch(1) for one, is left as it is.
  for (const auto& [host, diff] : judgement.diffs)
    if (wish.people)
      std::cout << report::whole_diff(diff, *wish.people);
    else
      client::raw_output() << diff << std::flush;
}

int judge_again(const settings::Settings& settings, const Rejudging& wish) {
  const std::filesystem::path cache = settings.state_dir.sanitized();
  libreswan::prune_answers(cache);
  const auto found = libreswan::find_outputs(wish.paths, std::filesystem::current_path(), cache, wish.options.filter,
                                             suite::confinement_for(settings));
  const auto& outputs = found.outputs;
  const auto judgements =
      libreswan::judge_outputs(outputs, wish.options.sanitize ? libreswan::Unstored::run : libreswan::Unstored::leave);
  Counts counts;
  std::size_t skipped = 0;
  std::size_t left = 0;
  bool not_updated = false;
  std::vector<std::string> remarks = found.passed_over;  // told behind the pager, which has the screen to itself
  std::optional<Pager> pager;
  if (wish.people) pager.emplace();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& [output, judgement] = std::tie(outputs[i], judgements[i]);
    if (!planning::wanted(wish.options.earlier, judgement.verdict)) {
      ++skipped;
      continue;
    }
    ++counts.of[judgement.verdict];
    if (wish.diffs)
      print_diffs(judgement, wish);
    else
      print_result(output, judgement, wish.json);
    if (!output.obstacle.empty()) remarks.push_back(output.test.name + ": " + output.obstacle);
    if (judgement.left) ++left;
    if (!wish.options.update || judgement.verdict == Verdict::untested || judgement.left) continue;
    try {
      libreswan::save_judgement(output.test, libreswan::open_unlinked(output.output), judgement);
    } catch (const std::exception& error) {
      remarks.emplace_back(error.what());
      not_updated = true;
    }
  }
  pager.reset();
  for (const std::string& remark : remarks) std::cerr << remark << '\n';
  tell_left_out(suite::told(found.ignored, outputs.size() + found.ignored.size()), skipped);
  if (left > 0) std::cerr << not_sanitized(left) << '\n';
  std::cerr << counts.text() << '\n';
  return not_updated ? cannot_tell : counts.exit_status();
}

}  // namespace

void DirectoryOptions::add_to(client::Command& verb) {
  add_filter(verb, filter);
  add_earlier(verb, earlier);
  verb.add_flag("--sanitize", sanitize,
                "with DIR: run the checkout's sanitizer where no answer of it is stored (default: run nothing)");
  verb.footer(
      "With a DIR no test is run. The output in it is judged again, by the expected output, sanitizers and parameters "
      "as they are now. What the sanitizer made of it must be stored, by a run or by --sanitize. The exit status is "
      "then 0, 1 when a test failed, or 125 when a test is unresolved or was never "
      "run, as 'git bisect run' wants it.");
}

void DirectoryOptions::refuse() const {
  if (filter != suite::Filter{} || !earlier.empty() || update || sanitize)
    throw core::InputError("this option is for directories with output; name one");
}

void refuse_run(bool given) {
  if (given)
    throw core::InputError("--run and --baseline are for runs of the database, not for directories with output");
}

int rejudge(const settings::Settings& settings, const Rejudging& wish) {
  try {
    return judge_again(settings, wish);
  } catch (const std::exception& error) {
    // For `git bisect run` any other status would be a verdict on the commit.
    std::cerr << "kvmtest: " << error.what() << '\n';
    return cannot_tell;
  }
}

}  // namespace kvmtest::command
