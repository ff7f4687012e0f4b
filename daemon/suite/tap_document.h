#pragma once
// TAP documents, one within the other. A TapDocument is the plan and the points of one level; a TapStream reads lines
// into documents by their indentation; a document has a stream of its own for what stands behind "# ". Pure; one
// thread. Internal to suite/.

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "suite/tap.h"
#include "suite/tap_line.h"

namespace kvmtest::suite {

/// Whether what is not ok in the subtest of a point with that directive is none of anybody's business.
constexpr bool excuses(TapDirective directive) {
  return directive == TapDirective::skip || directive == TapDirective::todo || directive == TapDirective::xfail;
}

/// A point with those of its subtest.
struct TapNode {
  TapPoint point;
  std::vector<TapNode> subtest{};
};

/// What all documents of an output share.
struct TapTotals {
  std::size_t points = 0;
  std::size_t notes = 0;  ///< bytes of details and notes kept so far
  bool too_many = false;  ///< points
  std::optional<std::string> bailed_out{};
};

/// What a document came to.
struct TapOutcome {
  std::vector<TapNode> points{};
  std::vector<std::string> errors{};
  std::string name{};  ///< of its subtest, when a comment told it
  std::optional<std::string> skipped{};
  std::optional<unsigned> planned{};
  std::vector<std::string> bailed_out{};  ///< programs behind "# " did so
};

class TapStream;

class TapDocument {
 public:
  /// `indent`: blanks before its lines. `level`: see TapPoint. `before`: comments belong to the point that follows.
  TapDocument(TapTotals& totals, std::size_t indent, unsigned level, bool before);
  ~TapDocument();
  TapDocument(const TapDocument&) = delete;
  TapDocument& operator=(const TapDocument&) = delete;

  [[nodiscard]] std::size_t indent() const { return indent_; }
  [[nodiscard]] unsigned level() const { return level_; }
  [[nodiscard]] bool before() const { return before_; }
  [[nodiscard]] bool strict() const { return strict_; }
  /// Whether a version line would begin another document.
  [[nodiscard]] bool begun() const { return own_.planned || !own_.points.empty(); }

  void on(const TapVersionLine& line);
  void on(const TapPlanLine& line);
  void on(TapPointLine line);
  void on(const TapPragmaLine& line);
  /// A comment, from its # on.
  void comment(std::string_view text);
  /// What the YAML block behind the last point says.
  void details(const std::string& text);
  void error(std::string what);
  /// The subtest of the point that comes next has ended so.
  void receive(TapOutcome outcome);
  /// At its end. `complete`: nothing was cut off, so its plan must be met.
  TapOutcome close(bool complete);
  /// The program that printed it gave up.
  void bail_out(const std::string& reason);

 private:
  /// Those of its points, and where among them its plan stood.
  struct Numbers {
    std::set<unsigned> seen{};
    unsigned last = 0;
    bool plan_last = false;        ///< the plan came behind points
    bool more_after_plan = false;  ///< … and before others
  };
  /// What came for the next point.
  struct Next {
    TapOutcome subtest{};
    std::string subtest_name{};
    std::string notes{};
  };

  void take_subtest(TapNode& node);
  void end_quoted(bool complete);
  void stand_in(bool complete);
  void check_plan();
  bool quotes(std::string_view text);
  void add_note(std::string& notes, std::string_view text);

  TapTotals& totals_;
  std::size_t indent_;
  unsigned level_;
  bool before_;
  bool any_ = false;
  bool kernel_ = false;   ///< KTAP: a plan may be left out
  bool strict_ = false;   ///< pragma +strict
  bool printed_ = false;  ///< comments are what the last point's test printed, as bats quotes it
  TapOutcome own_;        ///< so far
  Numbers numbers_;
  Next next_;
  std::unique_ptr<TapStream> quoted_;  ///< behind "# "
};

class TapStream {
 public:
  TapStream(TapTotals& totals, unsigned level, bool before);

  /// Returns whether it means something: no chatter.
  bool read(std::string_view line);
  /// At its end. See TapDocument::close.
  TapOutcome close(bool complete);

 private:
  struct Block {
    std::size_t indent = 0;
    std::vector<std::string_view> lines{};
  };
  bool read_block(std::string_view line, std::size_t indent);
  void end_block();
  bool read_line(std::string_view line, std::size_t indent);
  void read_chatter(std::string_view line, std::size_t indent);
  TapDocument* document_at(std::size_t indent, const TapLine& line);
  void fold(bool complete);
  bool bail_out(const std::string& reason);

  TapTotals& totals_;
  unsigned level_;
  bool before_;
  std::vector<std::unique_ptr<TapDocument>> open_;  ///< by indentation, the outermost first; never empty
  bool after_point_ = false;                        ///< a YAML block may begin
  bool bailed_out_ = false;
  std::optional<Block> block_;
};

}  // namespace kvmtest::suite
