// Which document a line belongs to: by its indentation.

#include <algorithm>
#include <utility>

#include "suite/tap_document.h"
#include "suite/words.h"

namespace kvmtest::suite {
namespace {

/// Whether such a line, indented further than what is around it, begins a subtest: chatter may say "ok", too.
bool begins_subtest(const TapLine& line) {
  if (const auto* point = std::get_if<TapPointLine>(&line)) return point->number || !point->ok;
  return true;
}

}  // namespace

TapStream::TapStream(TapTotals& totals, unsigned level, bool before) : totals_(totals), level_(level), before_(before) {
  open_.push_back(std::make_unique<TapDocument>(totals, 0, level, before));
}

bool TapStream::read(std::string_view line) {
  if (bailed_out_) return true;
  const std::size_t indent = std::min(line.find_first_not_of(" \t"), line.size());
  if (block_) return read_block(line, indent);
  return read_line(line, indent);
}

bool TapStream::read_line(std::string_view line, std::size_t indent) {
  const std::string_view text = trimmed(line);
  if (text.empty()) return true;
  if (text.front() == '#') {
    // It belongs to the document around a subtest when it is indented no further.
    const auto found =
        std::find_if(open_.rbegin(), open_.rend(), [&](const auto& open) { return open->indent() <= indent; });
    (*found)->comment(text);
    return true;
  }
  const bool after_point = std::exchange(after_point_, false);
  if (text == "---" && after_point && indent > open_.back()->indent()) {
    block_ = Block{indent};
    return true;
  }
  const auto meaning = tap_line(text);
  if (!meaning) {
    read_chatter(text, indent);
    return false;
  }
  if (const auto* bail = std::get_if<TapBailOutLine>(&*meaning)) return bail_out(bail->reason);
  TapDocument* document = document_at(indent, *meaning);
  if (document == nullptr) return false;
  std::visit(
      [&]<class Line>(const Line& of) {
        if constexpr (!std::is_same_v<Line, TapBailOutLine>) document->on(of);
      },
      *meaning);
  after_point_ = std::holds_alternative<TapPointLine>(*meaning);
  return true;
}

/// A YAML block is text, whatever it looks like, up to its "...". Without one it was none, and its lines are read as
/// any others: what is wrong with it hides no point.
bool TapStream::read_block(std::string_view line, std::size_t indent) {
  const std::string_view text = trimmed(line);
  if (text == "..." && indent == block_->indent) {
    const Block block = *std::exchange(block_, std::nullopt);
    std::string details;
    for (const std::string_view each : block.lines) {
      details += each.substr(std::min(block.indent, each.size()));
      details += '\n';
    }
    open_.back()->details(details);
    after_point_ = false;
    return true;
  }
  if (text.empty() || indent >= block_->indent) {
    block_->lines.push_back(line);
    return true;
  }
  end_block();
  return read_line(line, indent);
}

void TapStream::end_block() {
  if (!block_) return;
  const Block block = *std::exchange(block_, std::nullopt);
  if (open_.back()->strict()) open_.back()->error("a YAML block does not end");
  for (const std::string_view line : block.lines) read_line(line, std::min(line.find_first_not_of(" \t"), line.size()));
}

void TapStream::read_chatter(std::string_view text, std::size_t indent) {
  constexpr std::size_t shown = 60;
  const auto found =
      std::find_if(open_.rbegin(), open_.rend(), [&](const auto& open) { return open->indent() <= indent; });
  if ((*found)->strict()) (*found)->error("a line is no TAP: " + std::string(text.substr(0, shown)));
}

/// The document whose lines are indented so; a deeper one than those that are open is begun, and deeper ones end. Null:
/// the line is none of any.
TapDocument* TapStream::document_at(std::size_t indent, const TapLine& line) {
  if (indent > open_.back()->indent()) {
    if (!begins_subtest(line) || open_.back()->level() + 1 >= Tap::deepest) return nullptr;
    open_.push_back(std::make_unique<TapDocument>(totals_, indent, open_.back()->level() + 1, open_.back()->before()));
  }
  while (open_.back()->indent() > indent) {
    TapOutcome outcome = open_.back()->close(true);
    open_.pop_back();
    // Two levels may begin at once: the outer one shows when the inner one ends.
    if (open_.back()->indent() < indent)
      open_.push_back(
          std::make_unique<TapDocument>(totals_, indent, open_.back()->level() + 1, open_.back()->before()));
    open_.back()->receive(std::move(outcome));
  }
  if (std::holds_alternative<TapVersionLine>(line) && open_.size() > 1 && open_.back()->begun()) {
    fold(true);
    open_.push_back(std::make_unique<TapDocument>(totals_, indent, open_.back()->level() + 1, open_.back()->before()));
  }
  return open_.back().get();
}

/// Ends the innermost document.
void TapStream::fold(bool complete) {
  TapOutcome outcome = open_.back()->close(complete);
  open_.pop_back();
  open_.back()->receive(std::move(outcome));
}

/// At whatever indentation, it ends all (TAP 14, "Subtest Bailouts"); behind "# " the program that printed it.
bool TapStream::bail_out(const std::string& reason) {
  bailed_out_ = true;
  if (level_ == 0)
    totals_.bailed_out = reason;
  else
    open_.front()->bail_out(reason);
  return true;
}

TapOutcome TapStream::close(bool complete) {
  end_block();
  complete = complete && !bailed_out_;
  while (open_.size() > 1) fold(complete);
  return open_.front()->close(complete);
}

}  // namespace kvmtest::suite
