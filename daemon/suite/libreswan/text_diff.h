#pragma once
// Unified diffs as libreswan's tools write them: the lines that Python's difflib finds, so that a diff made here is the
// one made there. Pure; any thread.

#include <string>
#include <string_view>

#include "judge/effort.h"

namespace kvmtest::suite::libreswan {

/// From `before` to `after` with three lines of context; empty when their lines are equal, whatever ends the last one.
/// `patch -p1` takes the first component off the labels. After Ratcliff and Metzener, "Pattern matching: the Gestalt
/// approach" (Dr. Dobb's Journal, July 1988), with lines that are more than a hundredth of a long text left out of the
/// search (https://docs.python.org/3/library/difflib.html, SequenceMatcher, autojunk). The search is refining: when
/// there is no more of that, what was not searched differs. So do lines beyond the surplus of `effort`, which are left
/// out and counted in a last line.
std::string text_diff(std::string_view before, std::string_view after, const std::string& before_label,
                      const std::string& after_label, judge::Effort& effort);

/// Whether the texts are the same once blanks, tabs and empty lines are taken out.
bool same_but_for_blanks(std::string_view a, std::string_view b);

}  // namespace kvmtest::suite::libreswan
