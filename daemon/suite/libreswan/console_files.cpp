#include "suite/libreswan/console_files.h"

#include <vector>

#include "suite/kernel.h"

namespace kvmtest::suite::libreswan {

namespace {

class ConsoleWriter {
 public:
  ConsoleWriter(const Test& test, const Execution& execution)
      : test_(test), execution_(execution), names_(file_names(test)), results_(test.steps.size()) {
    for (const StepResult& result : execution.results)
      if (result.step < results_.size()) results_[result.step] = &result;
    for (const auto& [host, name] : names_) texts_[name];
  }

  std::map<std::string, std::string> write() {
    std::size_t at = 0;
    bool ended = true;
    for (; ended && at < test_.steps.size() && !test_.steps[at].post_mortem; ++at) ended = write_step(at);
    while (at < test_.steps.size() && !test_.steps[at].post_mortem) ++at;
    if (ended && at < test_.steps.size() && results_[at] != nullptr) write_post_mortem(at);
    all_ += mark::done;
    for (auto& [name, text] : texts_) text += mark::done;
    texts_["all"] = std::move(all_);
    return std::move(texts_);
  }

 private:
  /// False: the script ended here.
  bool write_step(std::size_t at) {
    const Step& step = test_.steps[at];
    if (step.kind == StepKind::comment) {
      after_comment_ = true;
      all_ += step.command + "\n";
      if (!step.host.empty()) text_of(step) += step.command + "\n" + prompt(step);
      return true;
    }
    if (results_[at] == nullptr) return false;
    if (after_comment_) all_ += "\n";
    after_comment_ = false;
    write_command(step, *results_[at]);
    if (!results_[at]->status) return false;
    text_of(step) += prompt(step);
    all_ += "\n";
    return true;
  }

  void write_command(const Step& step, const StepResult& result) {
    std::string& text = text_of(step);
    all_ += names_.at(step.host) + "# " + step.command + "\n";
    text += step.command + "\n";
    // Its own console has the kernel's messages, too, and its judge looks for call traces.
    if (const std::string printed = as_printed(result); !printed.empty()) {
      all_ += "\n" + printed;
      text += printed;
    }
    if (result.status) return;
    const auto why = execution_.ending.why;
    const bool eof =
        (why == Ending::Why::console_closed || why == Ending::Why::restarted) && execution_.ending.host == step.host;
    const std::string message = std::string(mark::left) + (eof ? " EOF" : " TIMEOUT") + " while running command " +
                                step.command + " " + mark::right;
    all_ += message;
    text += message;
  }

  void write_post_mortem(std::size_t at) {
    const std::string begin = std::string(mark::left) + " post-mortem " + mark::left;
    const std::string end = std::string(mark::right) + " post-mortem " + mark::right;
    bool all_well = true;
    all_ += begin;
    for (; at < test_.steps.size(); ++at) {
      const Step& step = test_.steps[at];
      if (results_[at] == nullptr) continue;
      std::string& text = text_of(step);
      text += ": " + begin + "\n" + prompt(step);
      write_command(step, *results_[at]);
      if (results_[at]->status == 0) {
        text += prompt(step) + ": " + end + "\n" + prompt(step);
      } else {
        all_well = false;
      }
    }
    if (all_well) all_ += end;
  }

  std::string& text_of(const Step& step) { return texts_[names_.at(step.host)]; }
  [[nodiscard]] std::string prompt(const Step& step) const {
    return "[root@" + names_.at(step.host) + " " + test_.name.string() + "]# ";
  }

  const Test& test_;
  const Execution& execution_;
  const std::map<std::string, std::string> names_;
  std::vector<const StepResult*> results_;
  std::map<std::string, std::string> texts_;
  std::string all_;
  bool after_comment_ = false;
};

}  // namespace

std::map<std::string, std::string> file_names(const Test& test) {
  const auto guest_hosts = test.values(attribute::guest_host);
  std::map<std::string, std::string> names;
  for (std::size_t i = 0; i < test.hosts.size(); ++i)
    names[test.hosts[i]] = i < guest_hosts.size() ? guest_hosts[i] : test.hosts[i];
  return names;
}

std::map<std::string, std::string> console_texts(const Test& test, const Execution& execution) {
  return ConsoleWriter(test, execution).write();
}

}  // namespace kvmtest::suite::libreswan
