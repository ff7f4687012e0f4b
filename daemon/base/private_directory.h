#pragma once
// Whose the state directory is, and what lies in it: its owner's alone.

#include <filesystem>
#include <optional>
#include <string>

#include <sys/types.h>

namespace kvmtest::base {

/// The user who called sudo(8).
struct Caller {
  uid_t user;
  gid_t group;
};

/// Whom all that this process makes belongs to, since sudo lent root's rights; none: to who runs it. Any thread.
std::optional<Caller> caller_of_sudo();

/// Whether a file of that user is this process' own: of who runs it, or who called sudo.
bool is_ours(uid_t user);

/// Makes the directory, and its parents, as far as they are missing, and takes from others whatever rights they have
/// to it. Returns a line that says so, for people; empty: they had none. Throws core::InputError, one line, for one of
/// another user's, for a link, and for one in which there are links: whoever made those would have files written and
/// read elsewhere.
std::string make_private(const std::filesystem::path& path);

}  // namespace kvmtest::base
